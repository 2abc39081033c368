"""History as etcd keeps it: what is older than the ring is read back by a watch, with the values that were replaced.

That serves clients which resume after a restart of ours for as long as etcd has not compacted, at most DEPTH revisions back: etcd replays some
3,000 revisions a second. A compaction by somebody else is noticed when a read meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from watchcache.log import Compacted, Event, Head, JournalUnavailable, Stamp
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import Client
from watchcache.persist.etcd.errors import Problem, journal_error
from watchcache.persist.etcd.ranges import end_of
from watchcache.persist.etcd.state import Form, State
from watchcache.persist.etcd.stream import WatchStream

DEPTH = 10_000  # revisions
EVENTS = 2_000  # at a time
SECONDS = 10.0  # without an answer
AGAIN = 0.02


class Past:
    """The events before the ring. `oldest`: those after it may still be there."""

    def __init__(
        self,
        client: Client,
        state: State,
        form: Form,
        stamp: Stamp,
        *,
        prefix: bytes,
        clock: Callable[[], float],
    ) -> None:
        self.oldest = 0
        self._client = client
        self._state = state
        self._form = form
        self._stamp = stamp
        self._prefix = prefix
        self._clock = clock

    async def find_oldest(self, revision: int) -> None:
        """Find out how far back one can read from a revision."""
        self.oldest = max(self.oldest, revision - DEPTH, 0)
        if self.oldest >= revision:
            return  # of a watch from what has not happened etcd says nothing
        try:
            with self._watch(self.oldest) as stream:
                answered = False
                while (
                    not answered
                ):  # that there is a watch says nothing: a compaction shows when it begins to catch up
                    for response in await self._responses(stream):
                        self._note_compacted(response)
                        answered = answered or not response.created
        except Compacted:
            pass
        except Problem as problem:
            raise journal_error(problem) from problem

    def compacted(self, revision: int) -> None:
        """Nothing up to a revision can be read any more."""
        self.oldest = max(self.oldest, revision)

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """The events with after < revision <= through, or the first thousands of them. Raises Compacted, JournalError."""
        events: list[Event] = []
        held: list[rpc.Event] = []
        try:
            with self._watch(after) as stream:
                while True:
                    stream.ask_progress()
                    for response in await self._responses(stream):
                        self._note_compacted(response)
                        held.extend(response.events)
                        if response.fragment:
                            continue
                        reached = held[-1].kv.mod_revision if held else response.header.revision
                        events.extend(self._events(held, through))
                        if reached >= through and not response.created:
                            return events
                        if held and len(events) >= EVENTS:
                            return events
                        held = []
        except Compacted:
            raise Compacted(after, self.oldest) from None
        except Problem as problem:
            raise journal_error(problem) from problem

    def _watch(self, after: int) -> WatchStream:
        request = rpc.WatchCreateRequest(
            key=self._prefix,
            range_end=end_of(self._prefix),
            start_revision=after + 1,
            progress_notify=True,  # only then kine answers questions for the progress
            prev_kv=True,
            fragment=True,
        )
        return WatchStream(self._client, request)

    async def _responses(self, stream: WatchStream) -> list[rpc.WatchResponse]:
        """What comes next. A watch that is catching up leaves questions for its progress unanswered: ask again."""
        deadline = trio.current_time() + SECONDS
        while True:
            responses = await stream.receive(AGAIN)
            if responses:
                return responses
            if trio.current_time() > deadline:
                raise JournalUnavailable(f"etcd does not answer ({stream.member.url}: no history)")
            stream.ask_progress()

    def _note_compacted(self, response: rpc.WatchResponse) -> None:
        if response.canceled:
            self.compacted(response.compact_revision)
            raise Compacted(0, self.oldest)

    def _events(self, changes: Sequence[rpc.Event], through: int) -> list[Event]:
        made = [self._event(change) for change in changes if change.kv.mod_revision <= through]
        return [event for event in made if event is not None]

    def _event(self, change: rpc.Event) -> Event | None:
        pair = change.kv
        key = self._state.key_of(pair.key)
        if key is None:
            return None
        revision = pair.mod_revision
        before = self._head(key, change.prev_kv) if change.HasField("prev_kv") else None
        prev, prev_revision = (None, 0) if before is None else (before.value, before.revision)
        gone = change.type == rpc.Event.DELETE
        if not gone:
            head = self._head(key, pair)
            gone = head is None
        if gone:
            if before is None:
                return None
            value = self._stamp(before.value, revision)
        else:
            assert head is not None
            value = head.value
        # When it happened is not kept by etcd; nobody measures ages by history.
        return Event(revision, key, value, gone, prev, prev_revision, self._clock())

    def _head(self, key: str, pair: rpc.KeyValue) -> Head | None:
        try:
            value = self._form.decode(key, pair.value, pair.mod_revision)
        except ValueError:
            return None
        return None if value is None else Head(pair.mod_revision, value)
