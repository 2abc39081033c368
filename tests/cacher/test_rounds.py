"""Large groups are sent to in rounds: whatever happens between two slices, everyone gets everything once and in order."""

from __future__ import annotations

import msgspec
import trio
import trio.lowlevel
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from watchcache.cacher import Change, Entry, Now, Selection
from watchcache.cacher.change import EventType
from watchcache.cacher.fanout import LONGEST_REST, FanOut
from watchcache.cacher.frames import Frames
from watchcache.cacher.groups import Group
from watchcache.cacher.selection import Scope

from .scene import Lines, Pipe, Scene, in_single_steps, plain, running, stamp, value


class Reader:
    """A member that notes what it was given, and how far it is when it leaves."""

    framing = staticmethod(plain)

    def __init__(self, group: Group, joined: int, *, first: bool, mark: int) -> None:
        self.group, self.joined, self.first, self._mark = group, joined, first, mark
        self.begun = first
        self.connection = joined % 3
        self.lines: list[bytes] = []
        self.cursor: int | None = None
        self.left = False

    def send(self, payload: bytes) -> bool:
        assert not self.left, "sent after it left"
        self.lines += payload.splitlines()
        return len(self.lines) < self._mark

    def park(self) -> None:
        self.leave()

    def fail(self) -> None:
        self.leave()

    def leave(self) -> None:
        self.cursor, self.left = self.group.given(self), True
        self.group.discard(self)


class Play:
    """A group, the revisions that were published, and the readers that were there."""

    def __init__(self) -> None:
        self.group = Group(Scope("pods/", "", -1, "", None), Lines(first_differs=True))
        self.frames = Frames(stamp)
        self.newest = 0
        self.readers: list[Reader] = []

    def do(self, what: str, number: int) -> None:
        getattr(self, what)(number)

    def publish(self, count: int) -> None:
        """A tick of some events; the group is large."""
        for _ in range(count * 12 + 1):
            self.newest += 1
            entry = Entry("pods/a", self.newest, stamp(value(), self.newest))
            change = Change(self.newest, "pods/a", None, entry, None, 0.0)
            self.group.pending.append((EventType.ADDED, change))
        self.group.busy = True

    def advance(self, count: int) -> None:
        """A step of the round, or the begin of the next."""
        if self.group.sending or (self.group.busy and self.group.next_round(self.frames)):
            self.group.advance(count + 1)

    def join(self, mark: int) -> None:
        reader = Reader(self.group, self.newest, first=mark % 2 == 0, mark=mark + 1)
        self.readers.append(reader)
        self.group.add(reader)

    def leave(self, number: int) -> None:
        staying = [reader for reader in self.readers if not reader.left]
        if staying:
            staying[number % len(staying)].leave()

    def check(self) -> None:
        for reader in self.readers:
            revisions = [int(line.split(b'"rv": ')[1].split(b",")[0]) for line in reader.lines]
            assert revisions == list(range(reader.joined + 1, reader.joined + 1 + len(revisions)))
            assert [b'"first"' in line for line in reader.lines] == [
                reader.begun and not number for number in range(len(reader.lines))
            ]
            given = reader.joined + len(revisions)
            assert given <= self.newest
            if reader.left:
                assert reader.cursor in {None, given}
            else:
                owed = self.group.given(reader)
                assert (self.newest if owed is None else owed) == given

    def finish(self) -> None:
        while self.group.busy:
            self.advance(3)
            self.check()
        assert all(self.newest == r.joined + len(r.lines) for r in self.readers if not r.left)
        assert set(self.group.members()) == {reader for reader in self.readers if not reader.left}


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["publish", "advance", "advance", "join", "join", "leave"]), st.integers(0, 9)
        ),
        max_size=40,
    )
)
def test_members_get_everything_once_whenever_they_come_and_go(steps: list[tuple[str, int]]) -> None:
    """Events, slices, and members who join, park and leave, in any order."""
    play = Play()
    for what, number in steps:
        newest = play.newest
        play.do(what, number)
        for reader in play.readers:
            if reader.left and reader.cursor is None and what != "publish":
                reader.cursor = newest  # it had been given all that was published then
        play.check()
    play.finish()


async def test_a_small_group_is_not_behind_a_large_one() -> None:
    """An event for one node arrives while a broadcast is on its way to many."""
    async with running(fan_out=in_single_steps(3)) as scene:
        many = [Pipe() for _ in range(50)]
        for pipe in many:
            scene.watch(Now(), pipe)
        one = Pipe()
        scene.watch(Now(), one, Selection(index=("node", "n1")))
        await scene.settle()
        await scene.put("a/0", node="n0")
        assert sum(bool(pipe.sent) for pipe in many) < 25
        await scene.put("a/1", node="n1")
        assert one.events == [("ADDED", 2)]
        assert not all(pipe.sent for pipe in many)
        await scene.settle()
        assert all(len(pipe.events) == 2 for pipe in many)


async def test_a_watcher_is_held_in_the_middle_of_a_round_and_goes_on_where_it_was() -> None:
    """Its cursor is what it has been given, not what was published."""
    async with running(fan_out=in_single_steps(3)) as scene:
        pipes = [Pipe() for _ in range(20)]
        watchers = [scene.watch(Now(), pipe) for pipe in pipes]
        await scene.settle()
        await scene.put("a/0")
        late = [number for number in range(20) if not pipes[number].sent]
        assert late
        held = watchers[late[-1]]
        assert held.stats().lag == 1
        assert held.hold()
        await scene.settle()
        assert not pipes[late[-1]].sent
        held.release()
        await scene.settle()
        assert all(len(pipe.events) == 1 for pipe in pipes)


async def test_dispatch_is_measured_when_the_last_has_been_given_it() -> None:
    """A tick counts once, after its round."""
    async with running(fan_out=in_single_steps(3)) as scene:
        pipes = [Pipe() for _ in range(20)]
        for pipe in pipes:
            scene.watch(Now(), pipe)
        await scene.settle()
        await scene.put("a/0")
        assert sum(scene.pods.latency.stages["total"].counts) == 0
        await wait_all_tasks_blocked()
        assert sum(scene.pods.latency.stages["total"].counts) == 1
        assert scene.pods.stats().dispatched == 20


async def test_what_came_during_a_round_is_sent_in_rounds_of_bounded_size() -> None:
    """A burst of many events while a round runs: all arrive, in order, and count as dispatched once."""
    async with running(fan_out=in_single_steps(3)) as scene:
        pipes = [Pipe() for _ in range(10)]
        for pipe in pipes:
            scene.watch(Now(), pipe)
        await scene.settle()
        tickets = [scene.log.append_nowait(f"pods/a/{number}", value()) for number in range(300)]
        for ticket in tickets:
            await ticket.wait()
        await scene.settle()
        assert all([revision for _, revision in pipe.events] == list(range(1, 301)) for pipe in pipes)
        assert all(pipe.sends >= 300 / 64 for pipe in pipes)
        assert sum(scene.pods.latency.stages["total"].counts) == 300
        assert scene.pods.stats().dispatched == 3000


def test_changes_of_one_revision_are_in_one_round() -> None:
    """A member that leaves after it goes on from there: between two of them it would be given the first again."""
    play = Play()
    play.join(8)
    play.publish(0)
    first = play.group.pending.pop()
    shared = [(kind, msgspec.structs.replace(change, revision=2)) for kind, change in [first] * 100]
    play.group.pending += [first, *shared]
    play.group.busy = True
    assert play.group.next_round(play.frames)
    assert play.group.pending == []


async def sends_surrounded(fan_out: FanOut) -> list[int]:
    """How many of ten watchers are sent an event between each `before` and `after`."""
    async with running(fan_out=fan_out) as scene:
        pipes = [Pipe() for _ in range(10)]
        for pipe in pipes:
            scene.watch(Now(), pipe)
        await scene.settle()
        told: list[tuple[str, int]] = []
        fan_out.surround(
            lambda: told.append(("before", sum(pipe.sends for pipe in pipes))),
            lambda: told.append(("after", sum(pipe.sends for pipe in pipes))),
        )
        await scene.put("a/0")
        await scene.settle()
    assert [what for what, _ in told] == ["before", "after"] * (len(told) // 2)
    return [after - before for (_, before), (_, after) in zip(told[::2], told[1::2], strict=True)]


async def test_each_step_of_a_slice_is_surrounded() -> None:
    """Sinks that gather what a step of a slice gives them are told where it begins and ends."""
    counts = await sends_surrounded(in_single_steps(3))
    assert [count for count in counts if count] == [1] * 10


async def test_a_tick_is_surrounded() -> None:
    """Small groups are sent to in the tick, which is gathered as a whole."""
    assert [count for count in await sends_surrounded(FanOut(wide=10)) if count] == [10]


async def watched(scene: Scene, count: int, selection: Selection | None = None) -> list[Pipe]:
    """A group that large."""
    pipes = [Pipe() for _ in range(count)]
    for pipe in pipes:
        scene.watch(Now(), pipe, selection)
    await scene.settle()
    return pipes


async def put_two(scene: Scene, pipes: list[Pipe]) -> int:
    """Write twice, the second time while the round of the first is under way; when that is over, the group rests. Returns the second revision."""
    first = await scene.put("a/0")
    while not any(pipe.sends for pipe in pipes):
        await trio.lowlevel.checkpoint()
    second = await scene.put("a/1")
    assert not all(pipe.sends for pipe in pipes)
    await scene.settle()
    assert [pipe.events for pipe in pipes] == [[("ADDED", first)]] * len(pipes)
    return second


def one_by_one() -> FanOut:
    """Rounds of groups of more than two, a member in each turn of the scheduler."""
    return FanOut(wide=2, shortest=0.0, step=1)


async def test_events_that_come_while_a_group_rests_share_a_round(mock_clock: MockClock) -> None:
    """One `send` for all of them, when the rest is over; who comes meanwhile gets what comes after it."""
    async with running(fan_out=one_by_one()) as scene:
        pipes = await watched(scene, 200)
        second = await put_two(scene, pipes)
        newcomer = Pipe()
        scene.watch(Now(), newcomer)
        third = await scene.put("a/2")
        await scene.settle()
        assert [pipe.sends for pipe in pipes] == [1] * 200
        mock_clock.jump(LONGEST_REST)
        await scene.settle()
        assert [pipe.events[1:] for pipe in pipes] == [[("ADDED", second), ("ADDED", third)]] * 200
        assert [pipe.sends for pipe in pipes] == [2] * 200
        assert newcomer.events == [("ADDED", third)]


async def test_an_event_after_the_end_of_a_round_is_sent_at_once(mock_clock: MockClock) -> None:
    """A group rests when more has come before the end of a round, else not; no time passes here."""
    async with running(fan_out=one_by_one()) as scene:
        pipes = await watched(scene, 5)
        for count in range(1, 4):
            await scene.put(f"a/{count}")
            await scene.settle()
            assert [pipe.sends for pipe in pipes] == [count] * 5
            assert not scene.hub.fan_out.busy


async def test_a_group_at_rest_does_not_hold_up_another(mock_clock: MockClock) -> None:
    """Each rests by itself."""
    async with running(fan_out=one_by_one()) as scene:
        everyone, some = await watched(scene, 200), await watched(scene, 3, Selection("b/"))
        await put_two(scene, everyone)
        await scene.put("b/0")
        await scene.settle()
        assert [pipe.sends for pipe in some] == [1] * 3
        assert [pipe.sends for pipe in everyone] == [1] * 200
        mock_clock.jump(LONGEST_REST)
        await scene.settle()
        assert [len(pipe.events) for pipe in everyone] == [3] * 200


def test_members_of_one_connection_have_their_turn_together() -> None:
    """So that a slice gives a connection what it has for all of its watches, in the order in which these came."""
    play = Play()
    readers = [Reader(play.group, number, first=False, mark=100) for number in range(9)]
    for reader in readers:
        play.group.add(reader)
    play.publish(0)
    order: list[int] = []
    while play.group.busy:
        play.advance(0)
        order += [one.joined for one in readers if one.lines and one.joined not in order]
    assert order == [0, 3, 6, 1, 4, 7, 2, 5, 8]
