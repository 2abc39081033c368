"""The pure order of writes, by example and against a model."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from watchcache.log import MAX_VALUE, Conflict, Head, Sequence

from .samples import stamp, value


def test_a_create_takes_the_next_revision():
    """The first write of a key has a stamped value and nothing before it."""
    sequence = Sequence(stamp, revision=7)
    event = sequence.put("pods/a/x", value("1"), 0, 5.0)
    assert (event.revision, event.value, event.prev, event.prev_revision) == (
        8,
        stamp(value("1"), 8),
        None,
        0,
    )
    assert not event.deleted
    assert event.time == 5.0


def test_an_update_says_what_it_replaces():
    """An event carries the value and revision that were there before, even when those are only queued."""
    sequence = Sequence(stamp)
    first = sequence.put("k", value("1"), None, 0.0)
    second = sequence.put("k", value("2"), 1, 0.0)
    assert (second.prev, second.prev_revision) == (first.value, 1)


def test_a_deletion_is_the_last_value_with_its_own_revision():
    """What a watcher of a deletion gets is the last state at the deletion's revision."""
    sequence = Sequence(stamp)
    sequence.put("k", value("1"), None, 0.0)
    gone = sequence.put("k", None, None, 0.0)
    assert gone.deleted
    assert gone.value == stamp(value("1"), 2)
    assert sequence.head("k") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [(value("2"), 0), (value("2"), 5), (None, 5), (None, 0)],
)
def test_a_wrong_expectation_changes_nothing(body, expected):
    """A conflict says what is there, takes no revision and queues nothing."""
    sequence = Sequence(stamp)
    event = sequence.put("k", value("1"), None, 0.0)
    with pytest.raises(Conflict) as conflict:
        sequence.put("k", body, expected, 0.0)
    assert conflict.value.head == Head(1, event.value)
    assert (sequence.revision, sequence.queued) == (1, 1)


@pytest.mark.parametrize("expected", [None, 0, 3])
def test_deleting_what_is_not_there_is_a_conflict(expected):
    """A deletion needs something to delete, whatever was expected."""
    with pytest.raises(Conflict) as conflict:
        Sequence(stamp).put("k", None, expected, 0.0)
    assert conflict.value.head is None


def test_only_published_writes_are_state():
    """Readers see a write when it is published; the next writer sees it at once."""
    sequence = Sequence(stamp)
    sequence.put("k", value("1"), None, 0.0)
    assert list(sequence.heads("")) == []
    assert sequence.head("k") is not None
    sequence.take()
    assert list(sequence.heads("")) == []
    sequence.publish()
    assert [key for key, _ in sequence.heads("")] == ["k"]


def test_refusing_takes_back_what_was_built_on_it():
    """Writes in flight and those queued behind them go together, and their revisions are used again."""
    sequence = Sequence(stamp)
    sequence.put("k", value("1"), None, 0.0)
    sequence.take()
    sequence.publish()
    sequence.put("k", value("2"), None, 0.0)
    sequence.take()
    sequence.put("k", value("3"), 2, 0.0)
    sequence.refuse()
    assert (sequence.revision, sequence.published, sequence.unpublished) == (1, 1, 0)
    assert sequence.head("k") == Head(1, stamp(value("1"), 1))
    assert sequence.put("k", value("4"), 1, 0.0).revision == 2


def test_heads_of_a_prefix_are_sorted_and_complete_before_and_after_writes():
    """A prefix is literal; order is by key, from the recovered state and from a changed one."""
    heads = {key: Head(1, value()) for key in ["pods/b/x", "pods/a/z", "podsx/a", "po", "pods/a/y", "q"]}
    sequence = Sequence(stamp, 1, heads)
    assert [key for key, _ in sequence.heads("pods/")] == ["pods/a/y", "pods/a/z", "pods/b/x"]
    sequence.put("pods/a/a", value(), None, 0.0)
    sequence.put("pods/b/x", None, None, 0.0)
    sequence.take()
    sequence.publish()
    assert [key for key, _ in sequence.heads("pods/")] == ["pods/a/a", "pods/a/y", "pods/a/z"]
    assert len(sequence) == 6


def test_a_group_is_bounded_in_bytes_but_never_empty():
    """Large values go in smaller groups; one that is above the limit goes alone."""
    sequence = Sequence(stamp)
    for number, size in enumerate((10, 10, 500, 10)):
        sequence.put(f"k{number}", value("x" * size), 0, 0.0)
    groups = []
    while sequence.queued:
        groups.append([event.key for event in sequence.take(size=200)])
        sequence.check()
        sequence.publish()
    assert groups == [["k0", "k1"], ["k2"], ["k3"]]


def test_a_value_that_no_journal_could_keep_is_refused():
    """It is the caller's mistake, found before a revision is taken."""
    sequence = Sequence(stamp)
    with pytest.raises(ValueError, match="too large"):
        sequence.put("k", value("x" * MAX_VALUE), 0, 0.0)
    assert sequence.revision == 0


def test_a_conflict_says_in_a_sentence_what_was_expected():
    """The text names the key, what is there and what was expected."""
    assert str(Conflict("k", 3, None)) == "k is not there; revision 3 was expected"
    assert str(Conflict("k", 0, Head(4, b""))) == "k is at revision 4; it was not to be there"


KEYS = st.sampled_from(["a", "a/b", "b", "c"])


class SequenceMachine(RuleBasedStateMachine):
    """Random writers and a random journal over a sequence, and over a list of (key, body) per place."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence = Sequence(stamp)
        self.published: list[tuple[str, bytes | None]] = []  # its length is the revision
        self.in_flight: list[tuple[str, bytes | None]] = []
        self.queue: list[tuple[str, bytes | None]] = []

    def last(self, key: str, log: list[tuple[str, bytes | None]]) -> tuple[int, bytes] | None:
        for number in range(len(log), 0, -1):
            if log[number - 1][0] == key:
                body = log[number - 1][1]
                return None if body is None else (number, stamp(body, number))
        return None

    @rule(key=KEYS, body=st.none() | st.text("xyz", max_size=3), expected=st.none() | st.integers(0, 12))
    def write(self, key, body, expected):
        log = [*self.published, *self.in_flight, *self.queue]
        there = self.last(key, log)
        new = None if body is None else value(body)
        allowed = (expected is None or expected == (there[0] if there else 0)) and (
            new is not None or there is not None
        )
        try:
            event = self.sequence.put(key, new, expected, 0.0)
        except Conflict:
            assert not allowed
            return
        assert allowed
        assert event.revision == len(log) + 1
        self.queue.append((key, new))

    @precondition(lambda self: not self.in_flight)
    @rule(limit=st.integers(1, 4))
    def take(self, limit):
        taken = self.sequence.take(events=limit)
        self.in_flight, self.queue = self.queue[:limit], self.queue[limit:]
        assert [event.key for event in taken] == [key for key, _ in self.in_flight]

    @rule()
    def publish(self):
        self.sequence.publish()
        self.published += self.in_flight
        self.in_flight = []

    @rule()
    def refuse(self):
        self.sequence.refuse()
        self.in_flight, self.queue = [], []

    @invariant()
    def agrees(self):
        self.sequence.check()
        assert self.sequence.published == len(self.published)
        assert self.sequence.revision == len(self.published) + len(self.in_flight) + len(self.queue)
        state = {key: self.last(key, self.published) for key, _ in self.published}
        expected = [(key, Head(*head)) for key, head in sorted(state.items()) if head]
        assert list(self.sequence.heads("")) == expected


SequenceMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSequenceModel = SequenceMachine.TestCase
