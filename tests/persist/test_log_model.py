"""The log on a directory against a list of events, through writes, crashes, full disks, restarts and compactions."""

from __future__ import annotations

import errno
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from watchcache.log import Conflict, Event, JournalFull, Log
from watchcache.persist import Retention, check_directory, read_events
from watchcache.persist.faults import FaultyDisk, fail

from .directories import history, opened, state_of
from .samples import stamp, value

KEYS = st.sampled_from(["a", "b", "b/c", "d"])
BODIES = st.none() | st.text("xyz", max_size=40)
STEPS = st.one_of(
    st.tuples(st.just("write"), KEYS, BODIES, st.sampled_from(["any", "right", "wrong", "absent"])),
    st.tuples(st.just("burst"), st.lists(st.tuples(KEYS, BODIES), min_size=1, max_size=8)),
    st.tuples(st.just("full"), st.lists(st.tuples(KEYS, BODIES), min_size=1, max_size=3)),
    st.tuples(st.just("crash"), st.lists(st.tuples(KEYS, BODIES), max_size=4)),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("compact"), st.floats(0, 1)),
    st.tuples(st.just("resume"), st.floats(0, 1)),
)


class World:
    """One log at a time, and `events`: everything that was acknowledged, so its length is the revision."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.path = scratch / "0"
        self.crashes = 0
        self.events: list[Event] = []
        self.stack = AsyncExitStack()
        self.log: Log
        self.disk: FaultyDisk

    async def open(self) -> None:
        self.disk = FaultyDisk()
        self.log = await self.stack.enter_async_context(
            opened(
                self.path,
                disk=self.disk,
                segment_bytes=600,
                snapshot_bytes=1500,
                ring_bytes=2000,
                retention=Retention(revisions=25),
            )
        )

    async def close(self) -> None:
        await self.stack.aclose()
        self.stack = AsyncExitStack()

    def queue(self, writes) -> list:
        """Queue some writes without waiting; those that conflict are left out."""
        tickets = []
        for key, body in writes:
            try:
                tickets.append(self.log.append_nowait(key, None if body is None else value(body)))
            except Conflict:
                assert body is None
        return tickets

    async def write(self, key, body, expectation) -> None:
        head = self.log.head(key)
        at = head.revision if head else 0
        expected = {"any": None, "right": at, "wrong": at + 1, "absent": 0}[expectation]
        new = None if body is None else value(body)
        if expected in (None, at) and (new is not None or head is not None):
            self.events.append(await self.log.append(key, new, expected=expected))
            return
        with pytest.raises(Conflict) as conflict:
            await self.log.append(key, new, expected=expected)
        assert conflict.value.head == head

    async def burst(self, writes) -> None:
        for ticket in self.queue(writes):
            self.events.append(await ticket.wait())

    async def full(self, writes) -> None:
        """The disk is full for a moment: all of it is refused."""
        self.disk.arm("segment.write.middle", fail(errno.ENOSPC))
        for ticket in self.queue(writes):
            try:
                await ticket.wait()
            except JournalFull:
                continue
            raise AssertionError("a refused write was acknowledged")
        self.disk.disarm()

    async def crash(self, writes) -> None:
        """Go on with a copy of the directory that was made while writes were on their way."""
        self.queue(writes)
        await trio.lowlevel.checkpoint()
        self.crashes += 1
        copy = self._copied()
        await self.close()
        self.path = copy
        await self.open()
        assert self.log.revision >= len(self.events)
        after = max(self.log.oldest, len(self.events))
        self.events += await history(self.log, after)

    def _copied(self) -> Path:
        """A copy of the directory; again where a file went, or got its name, between the list of files and its turn."""
        copy = self.scratch / str(self.crashes)
        while True:
            try:
                return Path(shutil.copytree(self.path, copy))
            except shutil.Error as error:
                if not all("No such file" in reason for _, _, reason in error.args[0]):
                    raise
                shutil.rmtree(copy)

    async def reopen(self) -> None:
        await self.close()
        await self.open()

    async def compact(self, where) -> None:
        revision = int(where * len(self.events))
        await self.log.compact(revision)
        assert self.log.oldest >= revision

    async def resume(self, where) -> None:
        after = max(self.log.oldest, int(where * len(self.events)))
        assert await history(self.log, after) == self.events[after:]

    def check(self) -> None:
        self.log._sequence.check()
        self.log._ring.check()
        assert self.log.revision == self.log.published == len(self.events)
        assert dict(self.log.heads("")) == state_of(self.events)


async def live(scratch: Path, steps) -> None:
    """Take the steps in a new world, checking after each."""
    world = World(scratch)
    await world.open()
    try:
        for name, *arguments in steps:
            await getattr(world, name)(*arguments)
            world.check()
        await world.resume(0.0)
    finally:
        await world.close()
    assert check_directory(world.path).faults == []
    kept = list(read_events(world.path, stamp=stamp))
    assert kept == world.events[len(world.events) - len(kept) :]


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_the_log_on_a_directory_is_a_list_of_events(steps):
    """Whatever happens in whatever order, the log agrees with the list of what was acknowledged."""
    with tempfile.TemporaryDirectory() as scratch:
        trio.run(live, Path(scratch), steps)
