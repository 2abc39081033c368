"""The state that a watch of etcd adds up to, and the events it gives; no etcd takes part."""

import pytest

from tests.conformance.samples import Verbatim, stamp, value
from watchcache.log import Head
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.opening import too_old
from watchcache.persist.etcd.state import Missed, State, Stored

PREFIX = b"/registry/"


def put(key: str, revision: int, text: str = "", version: int = 1) -> rpc.Event:
    """An event of etcd's watch: a key is written."""
    pair = rpc.KeyValue(key=PREFIX + key.encode(), value=value(text), mod_revision=revision, version=version)
    return rpc.Event(type=rpc.Event.PUT, kv=pair)


def gone(key: str, revision: int) -> rpc.Event:
    """An event of etcd's watch: a key is deleted."""
    return rpc.Event(type=rpc.Event.DELETE, kv=rpc.KeyValue(key=PREFIX + key.encode(), mod_revision=revision))


def stored(revision: int, text: str = "", created: int = 0) -> Stored:
    """A key as a range reads it."""
    return Stored(created or revision, Head(revision, stamp(value(text), revision)))


class Scene:
    """A state and all events that it gave."""

    def __init__(self, form=None):
        self.state = State(form or Verbatim(), stamp, PREFIX, lambda: 5.0)
        self.events = []

    def apply(self, *changes):
        """Take changes in one response; what they made, short."""
        before = len(self.events)
        self.state.apply(changes, self.events)
        self.state.check()
        return self.short(before)

    def replace(self, pairs, revision):
        """Read anew; what that made, short."""
        before = len(self.events)
        self.events += self.state.replace(pairs, revision)
        self.state.check()
        return self.short(before)

    def short(self, start):
        """(revision, key, deleted, previous revision) of the events."""
        return [(e.revision, e.key, e.deleted, e.prev_revision) for e in self.events[start:]]


def test_events_carry_what_they_replace():
    """A write, another, and the deletion of a key."""
    scene = Scene()
    changes = put("a", 3, "x"), put("a", 5, "y", version=2), gone("a", 9)
    assert scene.apply(*changes) == [(3, "a", False, 0), (5, "a", False, 3), (9, "a", True, 5)]
    assert [event.value for event in scene.events] == [
        stamp(value("x"), 3),
        stamp(value("y"), 5),
        stamp(value("y"), 9),
    ]
    assert scene.state.revision == 9


def test_keys_of_one_transaction_share_a_revision():
    """Three keys that expire together are three events of one revision."""
    scene = Scene()
    scene.apply(put("a", 2), put("b", 3), put("c", 4))
    assert scene.apply(gone("a", 7), gone("b", 7), gone("c", 7)) == [
        (7, "a", True, 2),
        (7, "b", True, 3),
        (7, "c", True, 4),
    ]


def test_what_was_seen_before_a_resumption_is_passed_over():
    """The same events again change nothing."""
    scene = Scene()
    scene.apply(put("a", 3), gone("a", 4))
    assert scene.apply(put("a", 3), gone("a", 4), put("b", 5)) == [(5, "b", False, 0)]


@pytest.mark.parametrize(
    "change", [put("a", 9, version=1), put("new", 9, version=2)], ids=["made twice", "never made"]
)
def test_a_gap_is_noticed_by_the_version_of_the_key(change):
    """A first write of what is there, or a later one of what is not, cannot be."""
    scene = Scene()
    scene.apply(put("a", 3))
    with pytest.raises(Missed):
        scene.apply(put("b", 8), change)
    assert scene.short(1) == [(8, "b", False, 0)]  # what came before the gap was applied, and is published


def test_reading_anew_gives_the_events_between():
    """Changed, deleted, made, made anew, and untouched keys, in the order of their revisions."""
    scene = Scene()
    for number, key in enumerate(["changed", "deleted", "remade", "same"], start=2):
        scene.apply(put(key, number))
    pairs = {
        "changed": stored(20, "now", created=2),
        "remade": stored(30, created=25),
        "same": stored(5),
        "new": stored(28),
    }
    assert scene.replace(pairs, 40) == [
        (20, "changed", False, 2),
        (24, "remade", True, 4),
        (28, "new", False, 0),
        (30, "remade", False, 0),
        (40, "deleted", True, 3),
    ]
    assert [key for key, _ in scene.state.heads("")] == ["changed", "new", "remade", "same"]


def test_what_a_reply_told_is_believed_until_the_watch_has_come_there():
    """The next writer builds on it; readers do not see it."""
    scene = Scene()
    scene.apply(put("a", 3))
    newer = Head(6, stamp(value("newer"), 6))
    scene.state.tell("a", 6, newer)
    scene.state.tell("a", 5, None)  # an older reply that was overtaken
    assert scene.state.head("a") == newer
    assert dict(scene.state.heads("")) == {"a": Head(3, stamp(value(), 3))}
    scene.apply(put("a", 6, "newer", version=2))
    assert scene.state.head("a") == newer
    scene.state.tell("a", 8, None)
    assert scene.state.head("a") is None
    scene.apply(gone("a", 8))
    assert scene.state.head("a") is None


class Picky(Verbatim):
    """Some values cannot be read, some keys are not ours."""

    def decode(self, key, stored, revision):
        """Refuse by what the key says."""
        if key.startswith("other/"):
            return None
        if b"bad" in stored:
            raise ValueError("it is bad")
        return super().decode(key, stored, revision)


def test_what_cannot_be_read_is_left_out_until_it_can():
    """An object overwritten with something unreadable is gone, and comes back when it is readable again."""
    scene = Scene(Picky())
    assert scene.apply(put("a", 3), put("a", 4, "bad", version=2)) == [(3, "a", False, 0), (4, "a", True, 3)]
    assert scene.state.unreadable == {"a": "it is bad"}
    assert scene.apply(put("a", 5, "good", version=3)) == [(5, "a", False, 0)]
    assert scene.state.unreadable == {}


def test_keys_that_are_not_ours_only_move_the_revision():
    """Another server's bookkeeping below the same prefix makes no events."""
    scene = Scene(Picky())
    assert scene.apply(put("other/x", 3), put("other/x", 4, version=2)) == []
    assert scene.state.revision == 4


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("3.3.27", True), ("3.4.24", True), ("3.4.25", False), ("3.5.7", True), ("3.5.8", False),
        ("3.6.0-rc.1", False), ("3.6.16", False), ("4.0.0", False), ("unheard of", False),
    ],
)  # fmt: skip
def test_which_versions_are_too_old(version, old):
    """Those whose progress notifications could be ahead of the events."""
    assert too_old(version) is old
