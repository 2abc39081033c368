"""One server for all tests of rows; each works in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from .past import Past
from .remote import Remote, server_in

FIRST_REVISION = 100_000
"""The shared server's revisions begin here, so that small ones are too old as after a compaction."""

_numbers = count()


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A client of the shared server."""
    directory = tmp_path_factory.mktemp("rows")
    with server_in(directory, first_revision=FIRST_REVISION) as server:
        client = Remote(server)
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
