"""A client of each server for all tests of rows; each test works in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.conformance.rows.places import Served

from .past import Past
from .remote import Remote

_numbers = count()


@pytest.fixture(scope="session")
def remote(place: Served) -> Iterator[Remote]:
    """A client of the shared server."""
    client = Remote(place, place.processes)
    yield client
    client.close()


@pytest.fixture
def namespace(remote: Remote) -> str:
    """A fresh namespace."""
    name = f"rows-{next(_numbers)}"
    remote.create("/api/v1/namespaces", name)
    return name


@pytest.fixture
def maps(namespace: str) -> str:
    """The path of the ConfigMaps of a fresh namespace."""
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def past(remote: Remote, maps: str) -> Past:
    """A namespace with a history."""
    return Past(remote, maps)
