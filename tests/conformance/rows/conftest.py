"""One server of each make for all rows; a client with a namespace of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.conformance.rows.asking import Client
from tests.conformance.rows.places import PLACES, Served

_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server."""
    with PLACES[request.param](tmp_path_factory.mktemp("rows")) as served:
        yield served


@pytest.fixture(scope="session")
def client(place: Served) -> Iterator[Client]:
    """A client of the server."""
    made = Client(place, place.processes)
    yield made
    made.close()


@pytest.fixture
def ask(client: Client) -> Client:
    """A client whose short paths lie in a new namespace."""
    client.namespace = f"row-{next(_numbers)}"
    client.create("/api/v1/namespaces", {"metadata": {"name": client.namespace}})
    return client
