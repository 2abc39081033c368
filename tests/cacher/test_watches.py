"""Watches on a running log: what is sent, when, and how they end (W1-W5, W8-W16, W22)."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from watchcache.cacher import After, Bounds, Initial, NotReady, Now, Piece, Selection
from watchcache.log import Log
from watchcache.persist import FileJournal, MemoryJournal

from .scene import HasLabel, Lines, Pipe, Scene, running, stamp

WEB = Selection(predicate=HasLabel("app", "web"))


async def test_a_watch_from_a_revision_gets_what_came_after(scene: Scene) -> None:
    """Past and new events arrive once each, in order, with their revisions (W1, W16)."""
    pipe = Pipe()
    await scene.put("a/1")
    await scene.put("a/2")
    scene.watch(After(1), pipe)
    await scene.settle()
    await scene.put("a/1")
    await scene.other()
    await scene.delete("a/2")
    assert pipe.events == [("ADDED", 2), ("MODIFIED", 3), ("DELETED", 5)]


async def test_a_watch_from_now_gets_only_what_is_new(scene: Scene) -> None:
    """Nothing of the past is sent (W4)."""
    pipe = Pipe()
    await scene.put("a/1")
    scene.watch(Now(), pipe)
    await scene.settle()
    await scene.put("a/2")
    assert pipe.events == [("ADDED", 2)]


async def test_nothing_is_sent_before_watch_returns(scene: Scene) -> None:
    """The host has its watcher before the first byte comes."""
    pipe = Pipe()
    await scene.put("a/1")
    scene.watch(Initial(), pipe)
    assert pipe.sends == 0
    await scene.settle()
    assert pipe.sends == 1


async def test_initial_events_come_in_key_order_then_the_end_bookmark(scene: Scene) -> None:
    """ADDED for every object of the state, a bookmark with its revision, then live events (W2, W3)."""
    pipe = Pipe()
    for name in ("b/1", "a/2", "a/1"):
        await scene.put(name)
    revision = await scene.other()
    scene.watch(Initial(bookmark_end=True), pipe, bookmarks=True)
    await scene.settle()
    await scene.put("a/3")
    assert pipe.events == [("ADDED", 3), ("ADDED", 2), ("ADDED", 1), ("BOOKMARK", revision), ("ADDED", 5)]
    assert pipe.lines[3]["end"] is True


async def test_initial_events_without_bookmarks_have_no_end(scene: Scene) -> None:
    """The burst alone is sent when bookmarks were not asked for (W13)."""
    pipe = Pipe()
    await scene.put("a/1")
    scene.watch(Initial(), pipe)
    await scene.settle()
    assert pipe.events == [("ADDED", 1)]


async def test_initial_events_are_filtered(scene: Scene) -> None:
    """Only objects of the selection are sent, whether found by scan or by index."""
    await scene.put("a/1", node="n1", labels={"app": "web"})
    await scene.put("a/2", node="n2")
    for selection in (
        WEB,
        Selection(index=("node", "n1")),
        Selection(name="a/1"),
        Selection(index=("phase", ""), name="a/1"),
    ):
        pipe = Pipe()
        scene.watch(Initial(), pipe, selection)
        await scene.settle()
        assert pipe.events == [("ADDED", 1)]


async def test_crossing_a_selector_adds_and_deletes(scene: Scene) -> None:
    """A deletion by crossing carries the previous state with the event's revision (W15)."""
    live, replayed = Pipe(), Pipe()
    scene.watch(After(0), live, WEB)
    await scene.settle()
    await scene.put("a/1", data=1)
    await scene.put("a/1", labels={"app": "web"}, data=2)
    await scene.put("a/1", labels={"app": "web"}, data=3)
    await scene.put("a/1", data=4)
    scene.watch(After(0), replayed, WEB)
    await scene.settle()
    assert live.events == replayed.events == [("ADDED", 2), ("MODIFIED", 3), ("DELETED", 4)]
    assert [line["object"]["data"] for line in live.lines] == [2, 3, 3]


async def test_an_object_that_moves_between_indexed_values_is_seen_by_both(scene: Scene) -> None:
    """The watcher of the old node gets DELETED, that of the new one ADDED, another nothing."""
    pipes = {node: Pipe() for node in ("", "n1", "n2", "n3")}
    for node, pipe in pipes.items():
        scene.watch(After(0), pipe, Selection(index=("node", node)))
    await scene.settle()
    for node in ("", "n1", "n2"):
        await scene.put("a/1", node=node)
    await scene.delete("a/1")
    assert pipes[""].events == [("ADDED", 1), ("DELETED", 2)]
    assert pipes["n1"].events == [("ADDED", 2), ("DELETED", 3)]
    assert pipes["n2"].events == [("ADDED", 3), ("DELETED", 4)]
    assert pipes["n3"].events == []


async def test_scopes_see_their_own(scene: Scene) -> None:
    """A namespace's watch and a single object's see no other's events."""
    namespace, single = Pipe(), Pipe()
    scene.watch(After(0), namespace, Selection("a/"))
    scene.watch(After(0), single, Selection("a/", name="a/2"))
    await scene.settle()
    for name in ("a/1", "a/2", "b/1", "a-b/1"):
        await scene.put(name)
    assert (namespace.events, single.events) == ([("ADDED", 1), ("ADDED", 2)], [("ADDED", 2)])


async def test_objects_without_a_namespace_are_sent_once(scene: Scene) -> None:
    """For a cluster-scoped resource the root is the only place there is."""
    pipe, single = Pipe(), Pipe()
    scene.watch(After(0), pipe)
    scene.watch(After(0), single, Selection(name="x"))
    await scene.settle()
    await scene.put("x")
    assert pipe.events == single.events == [("ADDED", 1)]


async def test_a_revision_without_history_is_an_error_in_the_stream(scene: Scene) -> None:
    """Too old: one ERROR naming the oldest revision that would do, then the end; that one still replays (W8)."""
    async with running(scene.log) as later:
        for _ in range(4):
            await scene.put("a/1")
        await scene.log.compact(2)
    async with running(scene.log) as later:
        old, oldest = Pipe(), Pipe()
        later.watch(After(1), old)
        later.watch(After(2), oldest)
        await later.settle()
        assert (old.lines, old.finished) == (
            [{"type": "ERROR", "text": "too old resource version: 1 (2)"}],
            True,
        )
        assert (oldest.events, oldest.finished) == ([("MODIFIED", 3), ("MODIFIED", 4)], False)


async def test_the_window_replays_what_the_log_has_compacted(scene: Scene) -> None:
    """A watch within the window does not need the log (W8)."""
    pipe = Pipe()
    await scene.put("a/1")
    await scene.put("a/1")
    await scene.log.compact(2)
    scene.watch(After(0), pipe)
    await scene.settle()
    assert pipe.events == [("ADDED", 1), ("MODIFIED", 2)]


async def test_a_restarted_server_resumes_watches(scene: Scene) -> None:
    """A hub that has just started replays the log's history (rule 8 of the architecture)."""
    await scene.put("a/1")
    await scene.other()
    await scene.put("a/1")
    await scene.delete("a/1")
    async with running(scene.log) as later:
        pipe = Pipe()
        later.watch(After(1), pipe)
        await later.settle()
        await later.put("a/2")
        assert pipe.events == [("MODIFIED", 3), ("DELETED", 4), ("ADDED", 5)]


async def test_watches_resume_on_a_file_journal(tmp_path) -> None:
    """After a real restart clients get what they missed, and slow ones read it from the disk piece by piece."""

    @asynccontextmanager
    async def server() -> AsyncIterator[Scene]:
        log = Log(FileJournal(tmp_path / "data"), stamp=stamp, ring_bytes=1000)
        await log.open()
        async with trio.open_nursery() as nursery:
            await nursery.start(log.run)
            async with running(log, Bounds(changes=3), Piece(bytes=1, entries=1, changes=1)) as scene:
                yield scene
            await log.close()

    async with server() as scene:
        for number in range(30):
            await scene.put(f"a/{number % 3}", data="x" * 100)
            await scene.other()
    async with server() as scene:
        quick, slow = Pipe(), Pipe(mark=1)
        for pipe in (quick, slow):
            scene.watch(After(10), pipe)
        while len(slow.events) < 25:
            slow.drain()
            await trio.lowlevel.checkpoint()
        assert slow.events == quick.events
        assert [revision for _, revision in slow.events] == list(range(11, 61, 2))


async def test_many_clients_of_a_restarted_server_share_one_pass_over_the_log(scene: Scene) -> None:
    """The first that is behind refills the windows, as far as they hold; idle resources need no history afterwards."""
    for number in range(6):
        await scene.put(f"a/{number % 2}", data=number)
    await scene.delete("a/1")
    await scene.other()
    async with running(scene.log, Bounds(changes=5)) as later:
        await scene.put("b/1")
        pipes = [Pipe() for _ in range(10)]
        for number, pipe in enumerate(pipes):
            later.watch(After(number), pipe)
        await later.settle()
        expected = [
            ("ADDED", 1),
            ("ADDED", 2),
            *(("MODIFIED", n) for n in (3, 4, 5, 6)),
            ("DELETED", 7),
            ("ADDED", 9),
        ]
        assert [pipe.events for pipe in pipes] == [
            *(expected[number:] for number in range(8)),
            expected[7:],
            [],
        ]
        assert later.pods.window.floor == 3
        later.pods.check()


async def test_a_restart_after_events_of_others_resumes_watches(scene: Scene) -> None:
    """Events of other resources at the end of history do not keep a watcher from becoming live."""
    await scene.put("a/1")
    await scene.put("a/1")
    await scene.other()
    async with running(scene.log) as later:
        pipe = Pipe()
        watcher = later.watch(After(1), pipe)
        await later.settle()
        assert (pipe.events, watcher.stats().phase) == ([("MODIFIED", 2)], "live")


async def test_a_future_revision_is_silent_until_it_has_passed(scene: Scene) -> None:
    """Only events after the revision asked for are sent (W9)."""
    pipe = Pipe()
    scene.watch(After(3), pipe)
    await scene.settle()
    for _ in range(3):
        await scene.put("a/1")
    await scene.settle()
    assert pipe.events == []
    await scene.put("a/1")
    assert pipe.events == [("MODIFIED", 4)]


async def test_a_future_revision_passed_within_one_tick_loses_nothing(scene: Scene) -> None:
    """What the passing tick brings beyond the revision is sent."""
    pipe = Pipe()
    scene.watch(After(2), pipe)
    await scene.settle()
    tickets = [
        scene.log.append_nowait(f"pods/a/{n}", b'{"labels":{},"node":"","phase":""}') for n in range(4)
    ]
    await tickets[-1].wait()
    await scene.settle()
    assert pipe.events == [("ADDED", 3), ("ADDED", 4)]


async def test_initial_events_of_a_future_revision_are_an_error_in_the_stream(scene: Scene) -> None:
    """The ERROR names the revision asked for and the current one (W9)."""
    pipe = Pipe()
    scene.watch(Initial(not_older_than=9), pipe)
    await scene.settle()
    assert pipe.lines == [{"type": "ERROR", "text": "Too large resource version: 9, current: 0"}]
    assert pipe.finished


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_a_timeout_that_is_not_positive_ends_at_once(scene: Scene, seconds) -> None:
    """The stream ends without an event (W14)."""
    pipe = Pipe()
    await scene.put("a/1")
    scene.watch(Initial(), pipe, timeout=seconds)
    await scene.settle()
    assert (pipe.sent, pipe.finished, scene.pods.watchers) == (b"", True, set())


async def test_a_watch_ends_at_its_deadline(autojump_clock, scene: Scene) -> None:
    """It ends cleanly within a tenth of a second after it, and leaves no timer behind."""
    pipe = Pipe()
    scene.watch(Now(), pipe, timeout=10, bookmarks=True)
    await trio.sleep(9.99)
    assert not pipe.finished
    await trio.sleep(0.12)
    assert pipe.finished
    assert len(scene.hub._wheel) == 0


@pytest.mark.parametrize(
    ("seconds", "expected"), [(2, []), (3, [1.5]), (10, [8.5]), (75, [60, 73.5]), (140, [60, 120, 138.5])]
)
async def test_bookmarks_come_every_minute_and_before_the_end(
    autojump_clock, scene: Scene, seconds, expected
) -> None:
    """A watch that has seen something newer is told how far its resource has come (W12)."""
    pipe, times = Pipe(), []
    began = trio.current_time()
    scene.watch(Now(), pipe, Selection("elsewhere/"), timeout=seconds, bookmarks=True)
    await scene.put("a/1")
    await scene.other()
    while not pipe.finished:
        sends = pipe.sends
        await trio.sleep(0.05)
        if pipe.sends > sends:
            times.append(trio.current_time() - began)
    assert pipe.events == [("BOOKMARK", 1)] * len(expected)
    assert times == pytest.approx(expected, abs=0.2)


async def test_no_bookmark_when_nothing_newer_happened(autojump_clock, scene: Scene) -> None:
    """Writes to other resources do not move a watch's bookmarks; not asking means none (W12, W13)."""
    asked, silent = Pipe(), Pipe()
    await scene.put("a/1")
    scene.watch(After(1), asked, bookmarks=True, timeout=200)
    await scene.other()
    scene.watch(After(0), silent, Selection("b/"), timeout=200)
    await trio.sleep(199)
    assert (asked.sent, silent.sent) == (b"", b"")


async def test_what_a_watch_replays_at_its_start_is_not_newer(autojump_clock, scene: Scene) -> None:
    """The bookmark that would tell of the replayed events alone is not sent (W12)."""
    await scene.put("a/x")
    last = await scene.put("a/x")
    pipe = Pipe()
    scene.watch(After(1), pipe, bookmarks=True, timeout=4)
    await trio.sleep(5)
    assert pipe.events == [("MODIFIED", last)]


async def test_a_bookmark_follows_initial_events_when_something_happened(
    autojump_clock, scene: Scene
) -> None:
    """About a second after the burst a plain bookmark tells of newer events (W3)."""
    pipe = Pipe()
    await scene.put("a/1")
    scene.watch(Initial(bookmark_end=True), pipe, Selection("a/"), bookmarks=True)
    await scene.settle()
    await scene.put("b/1")
    await trio.sleep(1.2)
    assert pipe.events == [("ADDED", 1), ("BOOKMARK", 1), ("BOOKMARK", 2)]


async def test_only_the_first_frame_of_a_watch_is_special(autojump_clock, scene: Scene) -> None:
    """Whether an initial event, a replayed one, a live one or a bookmark comes first, it alone is marked (W21)."""
    table = Lines(first_differs=True)
    await scene.put("a/1")
    starts = [Initial(), After(0), After(1), After(1), Now()]
    pipes = [Pipe() for _ in starts]
    for start, pipe in zip(starts, pipes, strict=True):
        scene.watch(start, pipe, representation=table)
    nothing = Pipe()
    scene.watch(Now(), nothing, Selection("b/"), representation=table, bookmarks=True)
    await scene.settle()
    await scene.put("a/2")
    await scene.put("a/3")
    await trio.sleep(61)
    await scene.put("b/1")
    for pipe in [*pipes, nothing]:
        assert [line.get("first", False) for line in pipe.lines] == [True] + [False] * (len(pipe.lines) - 1)
    assert nothing.events == [("BOOKMARK", 3), ("ADDED", 4)]


async def test_a_full_sink_is_left_alone_until_it_drains(scene: Scene) -> None:
    """A parked watcher gets nothing more, then all it missed, and is live again."""
    slow, quick = Pipe(mark=10), Pipe()
    for pipe in (slow, quick):
        scene.watch(After(0), pipe)
    await scene.settle()
    for _ in range(4):
        await scene.put("a/1")
    assert slow.events == [("ADDED", 1)]
    assert len(quick.events) == 4
    slow.drain()
    await scene.settle()
    slow.drain()
    await scene.settle()
    await scene.put("a/2")
    assert slow.events == quick.events


async def test_a_stalled_watcher_outlives_the_window(scene: Scene) -> None:
    """What fell out of the window while the client stalled comes from the log (rule 6 of the architecture)."""
    async with running(scene.log, Bounds(changes=2)) as small:
        slow = Pipe(mark=10)
        watcher = small.watch(After(0), slow)
        await small.settle()
        for _ in range(20):
            await small.put("a/1")
            await small.other()
        assert (len(slow.events), watcher.stats().lag) == (1, 38)
        while len(slow.events) < 20:
            slow.drain()
            await small.settle()
        assert [revision for _, revision in slow.events] == list(range(1, 40, 2))


async def test_a_stalled_watcher_ends_when_no_history_holds_it(scene: Scene) -> None:
    """Its stream ends without an ERROR; only a new watch is told (W11)."""
    async with running(scene.log, Bounds(changes=2)) as small:
        slow = Pipe(mark=10)
        small.watch(After(0), slow)
        await small.settle()
        for _ in range(20):
            await small.put("a/1")
        await scene.log.compact(15)
        slow.drain()
        await small.settle()
        assert (slow.events, slow.finished) == ([("ADDED", 1)], True)
        assert small.pods.stats().terminated == 1


async def test_initial_events_wait_for_the_sink(scene: Scene) -> None:
    """A large state is sent in pieces as the sink drains, and is that of one revision however long it takes."""
    for number in range(200):
        await scene.put(f"a/{number:03}", data="x" * 2000)
    pipe = Pipe(mark=1)
    scene.watch(Initial(bookmark_end=True), pipe)
    await scene.settle()
    sent = len(pipe.events)
    assert 0 < sent < 60
    await scene.delete("a/199")
    while len(pipe.events) < 202:
        pipe.drain()
        await scene.settle()
    assert [revision for _, revision in pipe.events] == [*range(1, 201), 200, 201]


async def test_a_client_that_left_costs_nothing(scene: Scene) -> None:
    """After stop nothing is sent, and groups, timers and waits are gone."""
    pipes = [Pipe(), Pipe(), Pipe()]
    starts = [After(0), After(50), Initial()]
    watchers = [scene.watch(start, pipe, bookmarks=True) for start, pipe in zip(starts, pipes, strict=True)]
    await scene.settle()
    for watcher in watchers:
        watcher.stop()
        watcher.stop()
    await scene.put("a/1")
    stats = scene.pods.stats()
    assert [pipe.sent for pipe in pipes] == [b""] * 3
    assert (stats.watchers, stats.groups, len(scene.hub._wheel), len(scene.hub.thresholds)) == (0, 0, 0, 0)


async def test_a_neighbour_that_leaves_during_a_send_is_spared(scene: Scene) -> None:
    """A host may stop any watcher from within a send to another."""
    left = Pipe()

    class Leaving(Pipe):
        def send(self, framed: bytes) -> bool:
            watcher.stop()
            return super().send(framed)

    scene.watch(Now(), Leaving())
    await scene.settle()
    watcher = scene.watch(Now(), left)
    await scene.settle()
    await scene.put("a/1")
    assert left.sent == b""
    assert len(scene.pods.watchers) == 1


async def test_an_event_is_written_once_for_all(scene: Scene) -> None:
    """Watchers of several groups and framings share one rendering; each framing is made once per group."""
    written: list[int] = []
    framed: list[bytes] = []

    class Counted(Lines, frozen=True):
        def event(self, type, value, first):
            written.append(1)
            return super().event(type, value, first)

    def chunk(frame: bytes) -> bytes:
        framed.append(frame)
        return frame

    pipes = [Pipe(framing=chunk) for _ in range(5)] + [Pipe() for _ in range(5)]
    for number, pipe in enumerate(pipes):
        scene.watch(Now(), pipe, Selection("a/") if number % 2 else None, representation=Counted())
    await scene.settle()
    await scene.put("a/1")
    assert (len(written), len(framed)) == (1, 2)
    assert len({pipe.sent for pipe in pipes}) == 1
    assert scene.pods.stats().dispatched == 10


async def test_an_object_that_cannot_be_written_ends_its_own_watches_only(scene: Scene, caplog) -> None:
    """A failing representation ends the watches that use it, live or catching up; the log goes on."""

    class Failing(Lines, frozen=True):
        def event(self, *_: object) -> bytes:
            raise ValueError("no such column")

    live, replaying, well = Pipe(), Pipe(), Pipe()
    scene.watch(Now(), live, representation=Failing())
    scene.watch(Now(), well)
    await scene.settle()
    await scene.put("a/1")
    scene.watch(After(0), replaying, representation=Failing())
    await scene.settle()
    await scene.put("a/2")
    assert (live.finished, replaying.finished, well.finished) == (True, True, False)
    assert len(well.events) == 2
    assert len(caplog.records) == 2


async def test_a_value_that_cannot_be_taken_in_gives_up_its_resource_only(scene: Scene, caplog) -> None:
    """The resource is not ready any more and its watches end; the log and the others go on."""
    pipe = Pipe()
    scene.watch(Now(), pipe)
    await scene.settle()
    with pytest.raises(NotReady):
        await scene.log.append("pods/a/1", b'{"labels":{}}')
        scene.watch(Now(), Pipe())
    assert pipe.finished
    assert await scene.other() == 2
    assert "the cache of pods is given up" in caplog.text


async def test_a_stored_value_that_cannot_be_taken_in_does_not_keep_the_server_down(
    scene: Scene, caplog
) -> None:
    """A hub starts without the resource, and says so."""
    await scene.log.append("pods/a/1", b'{"labels":{}}')
    async with running(scene.log) as later:
        with pytest.raises(NotReady):
            later.watch(Now(), Pipe())
    assert "pods cannot be served" in caplog.text


async def test_shutdown_ends_every_watch(scene: Scene) -> None:
    """Watches in every phase end cleanly (W22)."""
    pipes = [Pipe(), Pipe(), Pipe(mark=1)]
    await scene.put("a/1")
    for start, pipe in zip([After(1), After(9), Initial()], pipes, strict=True):
        scene.watch(start, pipe, timeout=math.inf)
    await scene.settle()
    scene.hub.end_watches()
    assert [pipe.finished for pipe in pipes] == [True] * 3


class Shared(Log):
    """A log that others write, too, and that may have missed something of theirs."""

    gap = 0


async def test_a_gap_is_a_new_beginning() -> None:
    """What the log could not follow makes the window begin anew, and that counts as the first loading does."""
    log = Shared(MemoryJournal(), stamp=stamp)
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        async with running(log) as shared:
            await shared.put("a/1")
            assert shared.pods.stats().loads.done == 1
            log.gap = 2
            await shared.put("a/2")
            stats = shared.pods.stats()
        nursery.cancel_scope.cancel()
    assert (stats.loads.done, stats.window_floor, stats.objects) == (2, 2, 2)


async def test_figures_tell_what_happened(scene: Scene) -> None:
    """The counts of events, deliveries, initial events and watchers are those of the resource."""
    await scene.put("a/1")
    watcher = scene.watch(Initial(), Pipe())
    await scene.settle()
    await scene.put("a/2")
    stats = scene.hub.stats()[0]
    assert (stats.events, stats.initial_events, stats.dispatched, stats.watchers) == (2, 1, 1, 1)
    assert (stats.objects, stats.revision, stats.window_changes) == (2, 2, 2)
    assert (watcher.stats().phase, watcher.stats().lag) == ("live", 0)
