"""What a client holds survives the server: revisions, tokens and running reflectors, over the file journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from watchcache.testing.server import TestServer

from .past import Past
from .remote import INITIAL, Remote, brief

MAPS = "/api/v1/namespaces/default/configmaps"


class Machine:
    """A server on one directory that can be cut off and started again."""

    def __init__(self, directory: Path, workers: int) -> None:
        self._directory = directory
        self._workers = workers
        self._clients: list[Remote] = []
        self.server: TestServer | None = None

    def start(self) -> Remote:
        """A new process' worth of server on what is in the directory; returns a client of it."""
        self.stop()
        self.server = TestServer(
            self._directory,
            storage_backend="file",
            data_dir=self._directory / "data",
            workers=self._workers,
        )
        self.server.start()
        self._clients.append(Remote(self.server, self._workers or 1))
        return self._clients[-1]

    def stop(self) -> None:
        """Cut all connections and end at once."""
        while self._clients:
            self._clients.pop().close()
        if self.server is not None:
            self.server.stop()
            self.server = None


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with an empty directory."""
    made = Machine(tmp_path, getattr(request, "param", 0))
    yield made
    made.stop()


# Workers start with what the feed gives them: their first history is all read from the process that writes.
WITH_WORKERS = pytest.mark.parametrize("machine", [0, 2], indirect=True)


@WITH_WORKERS
def test_a_watch_resumes_behind_a_restart(machine: Machine):
    """Every event since its revision, with its type, whatever happened before the restart."""
    past = Past(machine.start(), MAPS)
    remote = machine.start()
    revisions = (past.start, past.made_b, past.left, past.now)
    watches = remote.watch_all(*(f"{past.watch}&resourceVersion={revision}" for revision in revisions))
    for revision, events in zip(revisions, watches, strict=True):
        assert brief(events) == [event for event in past.events if event[2] > revision]


def test_selectors_see_what_objects_were_before_a_restart(machine: Machine):
    """W15 in replay: leaving is DELETED with the object as it was, coming back is ADDED."""
    past = Past(machine.start(), MAPS)
    remote = machine.start()
    events = remote.watch(f"{past.watch}&resourceVersion={past.made_b}&labelSelector=app%3Dx")
    assert brief(events) == [
        ("DELETED", "b", past.left),
        ("ADDED", "b", past.back),
        ("ADDED", "gone", past.made_gone),
        ("DELETED", "gone", past.now),
    ]
    assert events[0]["object"]["metadata"]["labels"] == {"app": "x"}


def test_the_state_and_what_comes_after_it(machine: Machine):
    """The initial events are the state; new revisions are larger than all before."""
    past = Past(machine.start(), MAPS)
    remote = machine.start()
    with remote.watching(f"{past.watch}&{INITIAL}") as watch:
        first, second = watch.next() or {}, watch.next() or {}
        assert brief([first, second]) == past.state
        created = remote.create(MAPS, "new")
        assert created > past.now
        assert brief([watch.next() or {}]) == [("ADDED", "new", created)]


@WITH_WORKERS
def test_lists_at_old_revisions(machine: Machine):
    """Exact and legacy exact lists, plain and selected, are what they were."""
    past = Past(machine.start(), MAPS)
    remote = machine.start()
    exact = f"{MAPS}?resourceVersionMatch=Exact&resourceVersion="
    for revision, names, selected in (
        (past.start, [], []),
        (past.made_b, ["b"], ["b"]),
        (past.left, ["a", "b"], []),
        (past.made_gone, ["a", "b", "gone"], ["b", "gone"]),
        (past.now, ["a", "b"], ["b"]),
    ):
        listed = remote.get(f"{exact}{revision}")
        assert (listed.names, listed.revision) == (names, revision)
        assert remote.get(f"{exact}{revision}&labelSelector=app%3Dx").names == selected
    assert remote.get(f"{MAPS}?limit=2&resourceVersion={past.made_gone}").names == ["a", "b"]


def test_pages_go_on_behind_a_restart(machine: Machine):
    """A token from before it brings the next page of the same state."""
    past = Past(machine.start(), MAPS)
    remote = machine.start()
    first = remote.get(f"{MAPS}?limit=1&resourceVersion={past.made_gone}")
    remote = machine.start()
    remote.delete(f"{MAPS}/b")
    remote = machine.start()
    second = remote.get(f"{MAPS}?limit=1&continue={first.token}")
    assert (second.names, second.revision) == (["b"], past.made_gone)
    third = remote.get(f"{MAPS}?limit=1&continue={second.token}")
    assert (third.names, third.token) == (["gone"], "")


@pytest.mark.parametrize("restarts", [1, 3])
def test_nothing_is_lost_over_restarts(machine: Machine, restarts: int):
    """A client that reconnects with its last revision sees each write once, and the revisions rise."""
    remote = machine.start()
    revision = remote.get(MAPS).revision
    written: list[int] = []
    seen: list[int] = []
    for number in range(restarts):
        written.append(remote.create(MAPS, f"n{number}"))
        written.append(remote.merge(f"{MAPS}/n{number}", {"data": {"k": "v"}}))
        remote = machine.start()
        events = remote.watch(f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={revision}")
        seen += [event[2] for event in brief(events)]
        revision = seen[-1]
    assert seen == written == sorted(written)
