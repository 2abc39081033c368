from collections.abc import AsyncIterator

import pytest

from .scene import Scene, running


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Run a log and a hub with one resource."""
    async with running() as scene:
        yield scene
