"""One server for all rows; a client with a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.conformance.rows.asking import Client
from watchcache.testing.server import TestServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def rows_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A server in memory."""
    with TestServer(tmp_path_factory.mktemp("rows")) as server:
        yield server


@pytest.fixture
def ask(rows_server: TestServer) -> Iterator[Client]:
    """A client whose short paths lie in a new namespace."""
    client = Client(rows_server, f"row-{next(_numbers)}")
    client.create("/api/v1/namespaces", {"metadata": {"name": client.namespace}})
    yield client
    client.close()
