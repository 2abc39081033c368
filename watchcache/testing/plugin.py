"""The pytest plugin: `watchcache_server` (a fresh server for each test) and `watchcache_session_server` (one for all).

It is loaded by every pytest run where the package is installed, so it imports nothing of the server before a fixture
is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from watchcache.testing.server import TestServer


@pytest.fixture(scope="session")
def watchcache_session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A server in memory that all tests of a session share; call `reset()` for an empty one."""
    from watchcache.testing.server import TestServer

    with TestServer(tmp_path_factory.mktemp("watchcache")) as server:
        yield server


@pytest.fixture
def watchcache_server(watchcache_session_server: TestServer) -> TestServer:
    """A server in memory with nothing in it but what a fresh cluster has: `.url`, `.kubeconfig`, `.token`, `.reset()`.

    The listener and its certificates are the session's, the contents are the test's own; the revision goes on.
    """
    watchcache_session_server.reset()
    return watchcache_session_server
