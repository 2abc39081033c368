"""The window: bounded, ordered, and able to undo."""

from hypothesis import given
from hypothesis import strategies as st

from watchcache.cacher import Bounds, Change, Entry
from watchcache.cacher.window import Window

writes = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=40)


def changes_of(history: list[tuple[str, int, bool]]) -> list[Change]:
    """Changes with rising, gappy revisions; a size of 0 deletes, and True shares the revision of the one before."""
    state: dict[str, Entry] = {}
    changes: list[Change] = []
    revision = 7
    for key, size, together in history:
        revision += 0 if together and changes else 3
        before = state.pop(key, None)
        after = Entry(key, revision, b"x" * size) if size else None
        if before is None and after is None:
            continue
        if after is not None:
            state[key] = after
        changes.append(Change(revision, key, before, after, None if after else b"gone"))
    return changes


def filled(changes: list[Change], bounds: Bounds | None = None) -> Window:
    """Make a window that took these changes."""
    window = Window(5, bounds)
    for change in changes:
        window.append(change)
        window.check()
    return window


@given(writes, st.integers(5, 140))
def test_what_follows_a_revision_is_found(history, revision) -> None:
    """`after` gives exactly the changes with a larger revision, in order."""
    changes = changes_of(history)
    expected = [change for change in changes if change.revision > revision]
    window = filled(changes)
    assert window.after(revision) == expected
    assert window.after(revision, 3) == [
        change for change in expected if change.revision <= max(each.revision for each in expected[:3])
    ]


@given(writes, st.integers(1, 5), st.integers(200, 2000))
def test_what_falls_out_raises_the_floor(history, most, most_bytes) -> None:
    """However small the window, it holds all changes after its floor, and those only, and keeps within its bounds.

    So the log up to the floor and the window are everything, once: also where a revision has several changes.
    """
    changes = changes_of(history)
    window = filled(changes, Bounds(most_bytes, most))
    older = [change for change in changes if change.revision <= window.floor]
    assert older + window.after(window.floor) == changes
    assert len(older) + len(window) == len(changes)
    assert window.newest == (changes[-1].revision if changes else 5)


@given(writes, st.integers(5, 140))
def test_undoing_gives_the_state_of_any_revision(history, revision) -> None:
    """The current state with the undone entries in place is the state at the revision."""
    changes = changes_of(history)
    now: dict[str, Entry | None] = {}
    then: dict[str, Entry | None] = {}
    for change in changes:
        now[change.key] = change.after
        if change.revision <= revision:
            then[change.key] = change.after
    restored = now | filled(changes).undone(revision)
    assert {k: e for k, e in restored.items() if e} == {k: e for k, e in then.items() if e}


def test_changes_that_fell_out_free_their_memory() -> None:
    """A fallen change is not kept alive by the place that it had."""
    changes = changes_of([("a", 1, False), ("a", 2, False), ("a", 3, False)])
    window = filled(changes, Bounds(1 << 20, 1))
    assert [change.after for change in window._changes if change.after] == [changes[-1].after]


def test_many_falls_cut_the_front_off() -> None:
    """The list of places does not grow with the events that passed through."""
    window = filled([], Bounds(1 << 20, 2))
    for revision in range(10, 5000):
        window.append(Change(revision, "a", None, None, b""))
    assert len(window) == 2
    assert len(window._changes) < 1100
