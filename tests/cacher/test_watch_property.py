"""What a watcher was sent is always a prefix of what it is owed.

Random writes, watches of every kind of start and selection, sinks that fill and drain at random, a window of a few changes (so
that history is read from the log), compaction, and a past that was written before the hub started. What each watch is owed is computed from the list of all events by a
model of a few lines; at the end every sink is drained, and what was sent must then be all of it, unless history was lost.
"""

import json
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from watchcache.cacher import After, Bounds, Initial, Now, Piece, Selection, Watcher
from watchcache.log import Event

from .scene import HasLabel, Lines, Pipe, Scene, in_single_steps, running

SELECTIONS = [
    Selection(),
    Selection("a/"),
    Selection("a/", name="a/1"),
    Selection(index=("node", "n1")),
    Selection(predicate=HasLabel("on", "n1")),
    Selection("b/", index=("node", "n2"), predicate=HasLabel("on", "n2")),
]

names = st.sampled_from(["a/1", "a/2", "b/1", "b/2", "c/1"])
nodes = st.sampled_from(["n1", "n2", None])
write = st.tuples(st.just("write"), names, nodes)
past_step = st.one_of(
    write, write, st.tuples(st.just("other")), st.tuples(st.just("compact"), st.integers(3, 6))
)
step = st.one_of(
    write,
    write,
    st.tuples(st.just("burst"), st.lists(st.tuples(names, nodes), min_size=2, max_size=6)),
    st.tuples(st.just("other")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("turn")),
    st.tuples(st.just("drain"), st.integers(0, 7)),
    st.tuples(st.just("watch"), st.sampled_from(["initial", "now", "after"]), st.integers(-9, 3), st.sampled_from(SELECTIONS), st.sampled_from([0, 0, 150, 300])),
    st.tuples(st.just("stop"), st.integers(0, 7)),
    st.tuples(st.just("compact"), st.integers(0, 6)),
)  # fmt: skip


class Watched:
    """A watch under test, and what is needed to know what it is owed."""

    def __init__(self, start: str, after: int, selection: Selection, pipe: Pipe, watcher: Watcher) -> None:
        self.start, self.after, self.selection, self.pipe, self.watcher = (
            start,
            after,
            selection,
            pipe,
            watcher,
        )
        self.stopped = False

    def owed(self, events: list[Event], state: dict[str, dict[str, Any]]) -> list[tuple[str, int, Any]]:
        """(type, revision, body without revision) of everything; `state` is that at `after`."""
        owed = []
        if self.start == "initial":
            owed = [("ADDED", d["rv"], d["data"]) for key, d in sorted(state.items()) if self.selects(key, d)]
        for event in events:
            if event.revision > self.after and event.key.startswith("pods/"):
                owed += self.seen(event)
        return owed

    def seen(self, event: Event) -> list[tuple[str, int, Any]]:
        """What an event is to this watch."""
        old = None if event.prev is None else json.loads(event.prev)
        new = None if event.deleted else json.loads(event.value)
        was = old is not None and self.selects(event.key, old)
        if new is not None and self.selects(event.key, new):
            return [("MODIFIED" if was else "ADDED", event.revision, new["data"])]
        return [("DELETED", event.revision, old["data"])] if was and old is not None else []

    def selects(self, key: str, document: dict[str, Any]) -> bool:
        """Whether the object belongs."""
        name, selection = key.removeprefix("pods/"), self.selection
        return (
            name.startswith(selection.prefix)
            and (not selection.name or selection.name == name)
            and (selection.index is None or document["node"] == selection.index[1])
            and (selection.predicate is None or document["labels"].get("on") == selection.predicate.word)
        )

    @property
    def sent(self) -> list[tuple[str, int, Any]]:
        """What the sink was given, errors left out."""
        return [
            (line["type"], line["object"]["rv"], line["object"]["data"])
            for line in self.pipe.lines
            if line["type"] != "ERROR"
        ]


class Run:
    """One random run."""

    def __init__(self, scene: Scene, events: list[Event]) -> None:
        self.scene, self.events = scene, events
        self.watches: list[Watched] = []

    async def do(self, kind: str, *arguments: Any) -> None:
        """Do one step."""
        await getattr(self, kind)(*arguments)

    async def write(self, name: str, node: str | None) -> None:
        if (ticket := self.begin(name, node)) is not None:
            await ticket.wait()

    async def burst(self, writes: list[tuple[str, str | None]]) -> None:
        tickets = [self.begin(*each) for each in writes]
        for ticket in tickets:
            if ticket is not None:
                await ticket.wait()

    def begin(self, name: str, node: str | None) -> Any:
        key = f"pods/{name}"
        if node is None:
            return self.scene.log.append_nowait(key, None) if self.scene.log.head(key) else None
        document = {
            "rv": 0,
            "labels": {"on": node},
            "node": node,
            "phase": "",
            "data": self.scene.log.revision,
        }
        return self.scene.log.append_nowait(key, json.dumps(document).encode())

    async def other(self) -> None:
        await self.scene.other()

    async def settle(self) -> None:
        await self.scene.settle()

    async def turn(self) -> None:
        await trio.lowlevel.checkpoint()

    async def drain(self, number: int) -> None:
        if self.watches:
            self.watches[number % len(self.watches)].pipe.drain()

    async def stop(self, number: int) -> None:
        if self.watches:
            watch = self.watches[number % len(self.watches)]
            watch.watcher.stop()
            watch.stopped = True

    async def compact(self, back: int) -> None:
        if (revision := self.scene.log.published - back) > 0:
            await self.scene.log.compact(revision)

    async def watch(self, start: str, offset: int, selection: Selection, mark: int) -> None:
        current = self.scene.hub.revision
        after = max(0, current + offset) if start == "after" else current
        request = {"initial": Initial(), "now": Now(), "after": After(after)}[start]
        pipe = Pipe(mark)
        watcher = self.scene.watch(request, pipe, selection, representation=Lines())
        self.watches.append(Watched(start, after, selection, pipe, watcher))

    def check(self) -> None:
        """What was sent is a prefix of what is owed, now."""
        self.scene.pods.check()
        for watch in self.watches:
            owed = watch.owed(self.events, self.state_at(watch.after))
            assert watch.sent == owed[: len(watch.sent)]

    def state_at(self, revision: int) -> dict[str, dict[str, Any]]:
        state: dict[str, dict[str, Any]] = {}
        for event in self.events:
            if event.revision <= revision and event.key.startswith("pods/"):
                state.pop(event.key, None)
                if not event.deleted:
                    state[event.key] = json.loads(event.value)
        return state

    async def finish(self) -> None:
        """Drain everything until nothing moves; then all has been sent, or history was lost."""
        before = None
        while before != (before := [len(watch.pipe.sent) for watch in self.watches]):
            for watch in self.watches:
                watch.pipe.drain()
            await self.scene.settle()
        self.check()
        for watch in self.watches:
            assert watch.watcher not in self.scene.pods.watchers or not watch.pipe.finished
            if watch.stopped:
                continue
            if watch.pipe.finished:
                assert watch.watcher.cursor < self.scene.log.oldest, "ended although history held it"
            else:
                assert watch.sent == watch.owed(self.events, self.state_at(watch.after))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(past_step, max_size=12),
    st.lists(step, min_size=5, max_size=50),
    st.sampled_from([1, 2, 1000]),
    st.sampled_from([1, 200, 65536]),
    st.sampled_from([0, 1, 1000]),
    st.sampled_from([0, 1, 64]),
)
def test_what_was_sent_is_a_prefix_of_what_is_owed(past, steps, window, piece, wide, few) -> None:
    """In every run and after every step; at the end, with all sinks drained, it is all that is owed.

    Groups of more than `wide` watchers are sent to one by one, with a turn of the scheduler between; more than `few` changes are looked up by their places.
    """

    async def scenario() -> None:
        events: list[Event] = []
        async with running() as before:
            before.log.subscribe(events.extend)
            for kind, *arguments in past:
                await Run(before, []).do(kind, *arguments)
            await go_on(before, events)

    async def go_on(before: Scene, events: list[Event]) -> None:
        fan_out = in_single_steps(wide)
        async with running(
            before.log, Bounds(changes=window), Piece(piece, 2, 2, few), fan_out=fan_out
        ) as scene:
            run = Run(scene, events)
            for kind, *arguments in steps:
                await run.do(kind, *arguments)
                run.check()
            await run.finish()

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
