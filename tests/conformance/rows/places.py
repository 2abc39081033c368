"""The servers that the rows are asked of. Each is started once for all rows, and its revisions begin at FIRST_REVISION.

To add one: a function that gives an open server, and a line in `PLACES`. The rows of `reading/test_minutes.py` take minutes of a
clock that jumps, which is one process' own: they have no place here. Those of endings and restarts start servers of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from tests.workers.scene import process
from watchcache.api.codec import stamp
from watchcache.persist import Contents, write_directory
from watchcache.testing.server import TestServer

FIRST_REVISION = 100_000
"""Small revisions are too old everywhere, as after a compaction."""


class Served(NamedTuple):
    """A running server, and how many processes answer there."""

    url: str
    ca_file: Path
    token: str
    processes: int


@contextmanager
def one_process(directory: Path) -> Iterator[Served]:
    """In memory, in a thread."""
    with TestServer(directory, first_revision=FIRST_REVISION) as server:
        yield Served(server.url, server.ca_file, server.token, 1)


@contextmanager
def two_workers(directory: Path) -> Iterator[Served]:
    """`watchcache serve --watchcache-workers=2`, on a directory as a copy of another cluster leaves it."""
    contents = Contents(FIRST_REVISION - 1, {})
    trio.run(partial(write_directory, directory / "data", contents, stamp, replace=False))
    with process(directory, workers=2) as (_, url):
        yield Served(url, directory / "pki" / "ca.crt", "secret", 2)


PLACES: dict[str, Callable[[Path], AbstractContextManager[Served]]] = {
    "one process": one_process,
    "two workers": two_workers,
}
