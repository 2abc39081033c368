"""A fresh server behind its handler."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from served import Client, running_api


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a fresh server."""
    async with running_api() as api:
        yield Client(api)
