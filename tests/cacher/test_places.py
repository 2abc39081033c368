"""Looking changes up by their places gives what asking each of them gives, whatever happens to the window between."""

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from watchcache.cacher import After, Bounds, Change, Entry, Piece, Selection
from watchcache.cacher.cacher import KEEP_PLACES
from watchcache.cacher.change import EventType
from watchcache.cacher.places import Places, place_of
from watchcache.cacher.selection import Scope
from watchcache.cacher.window import Window

from .scene import HasLabel, Pipe, running

ROOT = "pods/"
SELECTIONS = [
    Selection(),
    Selection("a/"),
    Selection("a/", name="a/1"),
    Selection(index=("node", "n1")),
    Selection("b/", index=("node", "n2"), predicate=HasLabel("on", "n2")),
    Selection("b/", predicate=HasLabel("on", "n1")),
]
SCOPES = [selection.bind(ROOT, ("node",)) for selection in SELECTIONS]

names = st.sampled_from(["a/1", "a/2", "b/1", "c/1"])
nodes = st.sampled_from(["n1", "n2", "", None])
writes = st.lists(st.tuples(names, nodes, st.booleans()), max_size=30)
looks = st.tuples(st.sampled_from(SCOPES), st.integers(0, 40), st.integers(1, 4), st.integers(0, 2))

Event = tuple[int, EventType]


class History:
    """Objects that are written, moved between nodes and deleted; some changes share a revision."""

    def __init__(self) -> None:
        self.state: dict[str, Entry] = {}
        self.revision = 10

    def write(self, name: str, node: str | None, together: bool) -> Change | None:
        """The next change; None when there is nothing to delete. `together`: with the revision of the one before."""
        key = ROOT + name
        before = self.state.pop(key, None)
        if node is None and before is None:
            return None
        self.revision += 0 if together else 2
        if node is None:
            return Change(self.revision, key, before, None, b"gone")
        after = self.state[key] = Entry(key, self.revision, b"value", {"on": node}, (node,))
        return Change(self.revision, key, before, after)


def seen(changes: list[Change], scope: Scope) -> list[Event]:
    """What changes are to a scope."""
    events = [(change.revision, scope.crossing(change.before, change.after)) for change in changes]
    return [(revision, type) for revision, type in events if type is not None]


def replayed(window: Window, scope: Scope, revision: int, most: int, few: int) -> list[Event]:
    """What a watch is given that resumes after a revision: piece after piece, none ending within a revision."""
    events: list[Event] = []
    while True:
        found = window.concerning(place_of(scope, ROOT), revision, most, few)
        assert all(revision < change.revision <= found.reached for change in found.changes)
        events += seen(found.changes, scope)
        if found.reached >= window.newest:
            return events
        assert found.reached > revision, "a piece leads on"
        revision = found.reached


@given(writes, st.lists(st.tuples(writes, st.lists(looks, max_size=4)), max_size=5), st.sampled_from([1, 2, 3, 1024]), st.sampled_from([1, 5, 1000]))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_looking_up_gives_what_asking_each_gives(past, steps, stretch, most_changes) -> None:
    """For every scope and revision, between changes that come, that fall out, and that are put before the others."""
    history = History()
    older = [change for write in past if (change := history.write(*write)) is not None]
    floor, history.revision = history.revision, history.revision + 2
    window = Window(floor, Bounds(changes=most_changes), Places(stretch))
    for number, (new, asked) in enumerate(steps):
        for write in new:
            if (change := history.write(*write)) is not None:
                window.append(change)
        if number == 2 and window.floor == floor:
            window.prepend(older, 9)
        for scope, back, most, few in asked:
            revision = max(window.floor, window.newest - back)
            expected = seen(window.after(revision), scope)
            assert replayed(window, scope, revision, most, few) == expected


def test_what_fell_out_of_the_window_leaves_its_places_too() -> None:
    """Entries are bounded by the window, however long watches go on looking them up."""
    history, window = History(), Window(5, Bounds(changes=10), Places(stretch=16))
    place = place_of(SCOPES[3], ROOT)
    for number in range(5000):
        change = history.write(f"a/{number % 7}", "n1", False)
        assert change is not None
        window.append(change)
        window.concerning(place, window.floor, 4, 0)
        assert len(window.places) <= 80  # as many as hold what the window cuts off at a time
    assert len(window.places) > 0


def test_nothing_is_entered_until_someone_looks() -> None:
    """A window that nobody resumes in has no entries, and few changes are asked one by one."""
    history, window = History(), Window(5)
    for number in range(10):
        change = history.write(f"a/{number}", "n1", False)
        assert change is not None
        window.append(change)
    assert len(window.concerning(place_of(SCOPES[3], ROOT), 5, 4, few=10).changes) == 4
    assert not len(window.places)
    assert window.concerning(place_of(SCOPES[2], ROOT), 5, 100, few=9).looked_up
    assert len(window.places) == 1


def test_places_are_let_go_when_the_storm_is_over() -> None:
    """As long as watches resume they are kept; after a minute without, they cost no memory."""

    async def scenario() -> None:
        async with running(piece=Piece(few=0)) as scene:
            await scene.put("a/1", node="n1")
            await scene.put("a/2", node="n2")
            pipe = Pipe()
            scene.watch(After(0), pipe, Selection(index=("node", "n1")))
            await scene.settle()
            assert pipe.events == [("ADDED", 1)]
            places = scene.pods.window.places
            await trio.sleep(KEEP_PLACES * 0.9)
            scene.watch(After(0), Pipe(), Selection(index=("node", "n2")))
            await trio.sleep(KEEP_PLACES * 1.05)
            assert len(places) == 1
            await trio.sleep(KEEP_PLACES)
            assert len(places) == 0

    trio.run(scenario, clock=MockClock(autojump_threshold=0))
