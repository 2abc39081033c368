"""A server with two workers for the tests that leave them alive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.scene import Connection, each_of
from watchcache.testing.server import TestServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """In memory, with two workers."""
    with TestServer(tmp_path_factory.mktemp("workers"), workers=2) as running:
        yield running


@pytest.fixture
def both(server: TestServer) -> Iterator[list[Connection]]:
    """A connection to each of them."""
    with each_of(server) as connections:
        yield connections
