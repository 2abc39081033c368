"""The checker: a good history passes, and each kind of bad one is reported as what it is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from .check import around, check
from .history import Change, Get, History, List, Object, Refusal, Restore, Scope, Seen, Watch, Write, load
from .order import Order

KEY = "configmaps/robust/a"
MAPS = Scope("configmaps")
LIGHT = Scope("configmaps", "light")


def change(revision: int, *, deleted: bool = False, **more: Any) -> Change:
    """A change of the key; its token and digest follow from the revision."""
    fields: dict[str, Any] = {
        "key": KEY,
        "uid": "u",
        "data": {"token": f"t{revision}"},
        "shade": "light",
        "digest": f"d{revision}",
    }
    return Change(revision=revision, deleted=deleted, **{**fields, **more})


# Made at 2, updated under guard at 3, patched at 4, deleted at 5, made again at 7.
CHANGES = [
    change(2),
    change(3),
    change(4, data={"token": "t4", "more": "x"}, shade="dark"),
    change(5, deleted=True, data={"token": "t4", "more": "x"}, shade="dark", digest="d4"),
    change(7, uid="v"),
]


def write(token: str, verb: str, began: float, revision: int, **more: Any) -> Write:
    """An acknowledged write of half a second."""
    fields: dict[str, Any] = {"data": {"token": token}, "status": 200, "found": "u", "ended": began + 0.5}
    return Write(
        token=token,
        client="w",
        server=0,
        verb=verb,
        key=KEY,
        began=began,
        revision=revision,
        **{**fields, **more},
    )


def frame(kind: str, revision: int, digest: str = "", key: str = KEY) -> Seen:
    """A frame of a watch; without a digest that of the change of its revision."""
    return Seen(kind, key, revision, digest or f"d{revision}", float(revision))


ALL = [
    frame("ADDED", 2),
    frame("MODIFIED", 3),
    frame("MODIFIED", 4),
    frame("DELETED", 5, "d4"),
    frame("ADDED", 7),
]


def watch(frames: list[Seen], after: int = 1, scope: Scope = MAPS, **more: Any) -> Watch:
    """A stretch of a watch."""
    client = more.pop("client", "x")
    return Watch(
        client=client, server=1, scope=scope, after=after, began=0.0, ended=9.0, frames=frames, **more
    )


def get(began: float, revision: int, at: str = "") -> Get:
    """A GET of a tenth of a second; revision 0 for 404."""
    found = Object(KEY, revision, f"d{revision}") if revision else None
    return Get(client="r", server=0, key=KEY, at=at, began=began, ended=began + 0.1, object=found)


def listed(began: float, revision: int, *objects: Object, at: str = "", match: str = "", **more: Any) -> List:
    """A LIST of a tenth of a second."""
    fields: dict[str, Any] = {"revisions": [revision], "scope": MAPS}
    return List(
        client="r",
        server=0,
        at=at,
        match=match,
        began=began,
        ended=began + 0.1,
        objects=list(objects),
        **{**fields, **more},
    )


def refusal(status: int) -> Refusal:
    """A read that was turned away."""
    return Refusal(
        client="r", server=0, target="/api", began=1.0, ended=1.1, status=status, message="because"
    )


def object_at(revision: int) -> Object:
    """The object as a revision made it."""
    return Object(KEY, revision, f"d{revision}")


def good() -> History:
    """What must pass."""
    writes = [
        write("t2", "create", 1.0, 2, found="u"),
        write("t3", "update", 2.0, 3, expected=2),
        write("t3b", "update", 3.0, 0, expected=2, status=409),
        write("t4", "patch", 4.0, 4, data={"token": "t4", "more": "x"}, status=0, ended=5.5),
        write("t5", "delete", 6.0, 0),
        write("t6", "delete", 7.0, 0, status=404),
        write("t7", "create", 8.0, 7, found="v"),
        write("t8", "update", 9.0, 0, status=0),
    ]
    reads = [
        get(2.6, 3),
        get(6.1, 0),
        get(6.1, 4),
        get(6.6, 0),
        get(9.0, 7),
        get(9.0, 2, at="0"),
        get(9.0, 3, at="3"),
    ]
    lists = [
        listed(2.6, 3, object_at(3)),
        listed(6.6, 6),
        listed(9.0, 3, object_at(3), at="3", match="Exact"),
        listed(9.0, 4, scope=LIGHT, at="0"),
        listed(9.0, 7, object_at(7), at="5"),
    ]
    watches = [
        watch([*ALL, frame("BOOKMARK", 8, key="")]),
        watch([frame("BOOKMARK", 3, key=""), *ALL[2:4]], after=3, client="y"),
        watch(
            [frame("MODIFIED", 3), frame("DELETED", 4, "d3"), frame("BOOKMARK", 6, key="")],
            2,
            LIGHT,
            client="z",
        ),
        watch([frame("ADDED", 3), frame("INITIAL", 3, key=""), *ALL[2:]], after=-1, client="q"),
        watch([], client="s", end="error 410: too old"),
    ]
    refusals = [refusal(410), refusal(429), refusal(504)]
    return History([*writes, *reads, *lists, *refusals, *watches], list(CHANGES))


def test_a_good_history_passes():
    """Nothing is reported that is allowed."""
    assert check(good()) == []


def with_change(position: int, **fields: Any) -> History:
    """A good history with something else in the order."""
    history = good()
    history.changes[position] = msgspec.structs.replace(history.changes[position], **fields)
    return history


def without_change(position: int) -> History:
    """A good history, of whose order something is missing."""
    history = good()
    del history.changes[position]
    return history


def with_record(record: Any) -> History:
    """A good history in which something else happened, too."""
    history = good()
    history.records.append(record)
    return history


def with_write(token: str, **fields: Any) -> History:
    """A good history in which a write went otherwise."""
    history = good()
    for number, each in enumerate(history.records):
        if isinstance(each, Write) and each.token == token:
            history.records[number] = msgspec.structs.replace(each, **fields)
    return history


def twice() -> History:
    """One write at two revisions."""
    history = good()
    history.changes.append(change(9, uid="v", data={"token": "t7"}))
    return history


BAD = {
    "lost write": (without_change(4), "an acknowledged write is missing"),
    "twice": (twice(), "a write happened twice"),
    "refused but kept": (with_write("t3", status=409), "a refused write happened"),
    "another revision": (with_write("t3", revision=4), "a write was acknowledged as another than it is"),
    "another object": (with_write("t7", found="u"), "a write was acknowledged as another than it is"),
    "stranger": (with_change(1, data={"token": "who"}), "nobody wrote this"),
    "unguarded": (with_write("t3", expected=1), "compare-and-set on another revision"),
    "create over": (without_change(3), "a creation replaced an object"),
    "update of nothing": (without_change(0), "a change of an object that was not there"),
    "lost update": (with_change(2, data={"token": "t4"}), "an update was lost or something else written"),
    "other content": (with_change(4, data={"token": "t7", "y": "z"}), "something else was written"),
    "lost deletion": (with_write("t5", found="w"), "an acknowledged deletion is missing"),
    "ghost deletion": (with_write("t5", status=404), "nobody deleted this"),
    "deletion of another": (with_write("t5", uid="w"), "a deletion took another object than it named"),
    "late deletion": (with_write("t5", expected=3), "a deletion at another revision than it named"),
    "two deletions": (with_write("t6", status=200), "two deletions of one object were acknowledged"),
    "real time": (with_write("t7", began=5.0, ended=5.1), "a write came before one that was acknowledged before it began"),
    "stale get": (with_record(get(2.6, 2)), "a stale read"),
    "stale get after a get": (with_record(get(6.3, 3)), "a stale read"),
    "stale at": (with_record(get(9.0, 2, at="4")), "a stale read"),
    "get from the future": (with_record(get(1.2, 3)), "a read from the future"),
    "get of nothing": (with_record(Get(client="r", server=0, key=KEY, at="", began=9.0, ended=9.1, object=Object(KEY, 7, "?"))), "a read showed what never was"),
    "not found": (with_record(get(2.6, 0)), "an object that was there was not found"),
    "stale list": (with_record(listed(2.6, 2, object_at(2))), "a stale list"),
    "list from the future": (with_record(listed(1.2, 3, object_at(3))), "a list from the future"),
    "wrong list": (with_record(listed(9.5, 7)), "a list is not the state at its revision"),
    "old item": (with_record(listed(9.5, 7, object_at(4))), "a list is not the state at its revision"),
    "pages": (with_record(listed(9.5, 7, object_at(7), revisions=[7, 8])), "pages of several revisions"),
    "not exact": (with_record(listed(9.5, 7, object_at(7), at="4", match="Exact")), "an exact list of another revision"),
    "repeated item": (with_record(listed(9.5, 7, object_at(7), object_at(7))), "a list out of order, or with repeats"),
    "gap": (with_record(watch([ALL[0], *ALL[2:]], client="g")), "a watch left something out"),
    "repeat": (with_record(watch([ALL[0], ALL[1], ALL[1]], client="g")), "a watch repeated or went back"),
    "repeat on resuming": (with_record(watch(ALL[1:], after=3, client="g")), "a watch repeated or went back"),
    "out of order": (with_record(watch([ALL[0], ALL[2], ALL[1]], client="g")), "a watch left something out"),
    "other object": (with_record(watch([frame("ADDED", 2, "?")], client="g")), "a watch left something out"),
    "other type": (with_record(watch([frame("MODIFIED", 2)], client="g")), "a watch left something out"),
    "selector": (with_record(watch([frame("MODIFIED", 4)], 3, LIGHT, client="g")), "a watch left something out"),
    "bookmark ahead": (with_record(watch([ALL[0], frame("BOOKMARK", 3, key=""), ALL[1]], client="g")), "a bookmark was ahead of the events"),
    "bookmark back": (with_record(watch([*ALL, frame("BOOKMARK", 6, key="")], client="g")), "a bookmark went back"),
    "second burst": (with_record(watch([frame("INITIAL", 1, key="")], client="g")), "an unexpected bookmark of initial events"),
    "bad burst": (with_record(watch([frame("ADDED", 6)], after=-1, client="g")), "an initial event showed what never was"),
    "short burst": (with_record(watch([frame("INITIAL", 7, key="")], after=-1, client="g")), "initial events are not the state"),
    "gap after burst": (with_record(watch([frame("ADDED", 2), frame("INITIAL", 2, key=""), ALL[2]], after=-1, client="g")), "a watch left something out"),
    "jump": (with_record(watch([], after=3, client="x")), "a watch was resumed elsewhere than it stopped"),
    "write turned away": (with_write("t6", status=403), "a good write was refused"),
    "read turned away": (with_record(refusal(400)), "a good read was refused"),
    "watch turned away": (with_record(watch([], client="g", end="status 403")), "a good watch was refused"),
    "watch ended badly": (with_record(watch([], client="g", end="error 400: what?")), "a good watch was refused"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_history_is_reported(case: str):
    """As what it is; and what it was is told."""
    history, rule = BAD[case]
    found = check(history)
    assert rule in {violation.rule for violation in found}
    assert all(any(around(history, violation)) for violation in found)


def test_what_the_run_itself_saw_counts():
    """A server that ended by itself, a member that did not recover."""
    history = good()
    history.own.append("server1 ended by itself")
    assert [violation.text for violation in check(history)] == ["server1 ended by itself"]


def test_a_saved_history_is_the_same(tmp_path):
    """So that a failure can be looked at again."""
    good().save(tmp_path / "history.jsonl")
    loaded = load(tmp_path / "history.jsonl")
    assert (loaded.records, loaded.changes) == (good().records, good().changes)


def test_keys_that_end_together():
    """Several changes of one revision, as of a lease: each is in the state of that revision, and of its own key."""
    one = change(2, key="events/robust/a")
    two = change(3, key="events/robust/b")
    ends = [change(4, key=each.key, deleted=True, digest=each.digest) for each in (one, two)]
    order = Order([one, two, *ends])
    states = {revision: set(state) for revision, state in order.states(Scope("events"), [3, 4])}
    assert states == {3: {one.key, two.key}, 4: set()}
    assert [each.kind for each in order.shown(Scope("events"))] == ["ADDED", "ADDED", "DELETED", "DELETED"]


def restored(*, without: int = 0, end: str = "error 410: too old", frames: tuple[Seen, ...] = ()) -> History:
    """The good history, and then one that goes on after 4: a backup of that moment was put back. Who had come to 8 asks to go on from there.

    without: a revision that is missing in the second one; end, frames: of that watch.
    """
    history = good()
    changes = [*CHANGES[:3], change(5, data={"token": "n5"})]
    history.changes = [each for each in changes if each.revision != without]
    resumed = watch(list(frames), after=8, end=end)
    shown = watch([frame("MODIFIED", 5)], after=4, client="n")
    history.records += [
        Restore(revision=4, began=10.0, ended=11.5, starts=[11.0, 11.0], lost=CHANGES[3:]),
        msgspec.structs.replace(resumed, began=12.0, ended=12.5),
        write("n5", "update", 13.0, 5, expected=4),
        msgspec.structs.replace(shown, began=13.0, ended=15.0),
        get(14.0, 5),
        listed(14.0, 5, object_at(5)),
    ]
    return history


def test_what_came_after_a_backup_may_be_gone_when_it_is_put_back():
    """Each history is held to its own order, and who comes from the lost one is refused; also when that is read from a file again."""
    assert check(restored()) == []


def test_an_end_without_an_answer_is_no_acceptance():
    """A server that is killed has accepted nothing."""
    assert check(restored(end="lost: the connection was closed")) == []


MIXED = {
    "events of the other": (
        restored(frames=(frame("MODIFIED", 9),)),
        "a watch went from the lost history to the new one",
    ),
    "made to wait": (restored(end="left"), "a watch went from the lost history to the new one"),
    "older than the backup": (restored(without=3), "an acknowledged write is missing"),
    "newer than the backup": (restored(without=5), "an acknowledged write is missing"),
}


@pytest.mark.parametrize("case", MIXED)
def test_two_histories_in_one_are_reported(case: str):
    """A restored backup excuses what came after it, and nothing else."""
    history, rule = MIXED[case]
    assert rule in {violation.rule for violation in check(history)}


def test_a_list_of_the_lost_history_is_reported():
    """A server that was started on the restored etcd shows nothing of the first."""
    history = restored()
    history.records.append(listed(14.0, 7, object_at(7)))
    assert "a list is not the state at its revision" in {violation.rule for violation in check(history)}


def test_a_list_that_goes_on_over_the_restore_is_of_one_history():
    """Its pages may be from different servers; all are of the lost one, or all of the new one."""
    history = restored()
    pages = msgspec.structs.replace(listed(9.8, 7, object_at(7), revisions=[7, 7]), ended=11.6)
    history.records.append(pages)
    assert check(history) == []
    pages.objects = [object_at(5)]
    assert "a list is not the state at its revision" in {violation.rule for violation in check(history)}
