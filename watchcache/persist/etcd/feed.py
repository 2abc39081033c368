"""Following etcd: one watch over the prefix, from the first revision after the state that was read, for ever.

* The stream is resumed at the last delivered revision + 1, on whichever endpoint answers. Progress counts as delivered; it is believed only
  between revisions, when no fragment is held.
* A response that says `fragment` is continued by the next; a revision is delivered whole.
* `canceled` with a compact revision, or a gap that `State` sees, leads to reading everything anew, and to the events between.
* An etcd whose cluster id is another, whose revision is lower than ours, or that has not got the newest event that we saw, is not the one we
  know: `EtcdReplaced`, and the log ends.
* A stream that says nothing is not taken for alive: a keep-alive notices a frozen member, sooner when replies have shown that
  there is something to say (`Vigil`), and the member is required to see a leader.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from random import Random

import trio

from watchcache.log import Event
from watchcache.persist.etcd import rpc_pb2 as rpc
from watchcache.persist.etcd.client import RANGE, Client
from watchcache.persist.etcd.codes import Code
from watchcache.persist.etcd.errors import EtcdReplaced, Problem
from watchcache.persist.etcd.identity import other_cluster, stepped_back
from watchcache.persist.etcd.lineage import Witnesses, other_epoch
from watchcache.persist.etcd.ranges import end_of, read_all
from watchcache.persist.etcd.state import Missed, State
from watchcache.persist.etcd.stream import WatchStream
from watchcache.persist.etcd.vigil import TICK, Verdict, Vigil

_logger = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
CREATED_SECONDS = 5.0

Publish = Callable[[Sequence[Event], bool], None]  # events; whether some were left out


class _Compacted(Exception):
    """What is next cannot be watched any more."""


class Feed:
    """The watch of one server. `publish` is called with each group of events, and with none when only the revision moved."""

    def __init__(self, client: Client, state: State, prefix: bytes, publish: Publish) -> None:
        self.epoch = ""  # the name of its epoch, "" when that is not known
        self.connected = False
        self.problem = ""  # why it is not connected
        self._client = client
        self._state = state
        self._prefix = prefix
        self._publish = publish
        self._stream: WatchStream | None = None
        self._held: list[rpc.Event] = []
        self.witnesses = Witnesses()
        self._random = Random()  # noqa: S311 - spreads the returns of many servers

    @property
    def cluster(self) -> int:
        """The id of the cluster that is followed."""
        return self._client.identity.cluster

    def ask_progress(self) -> None:
        """Have the stream say where it is; nothing when there is none."""
        if self._stream is not None:
            self._stream.ask_progress()

    async def run(self) -> None:
        """Follow; ends only when cancelled. Raises EtcdReplaced."""
        pause = FIRST_PAUSE
        while True:
            anew = False
            try:
                await self._follow()
            except Problem as problem:
                pause = FIRST_PAUSE if self.connected else min(pause * 2, LONGEST_PAUSE)
                await self._disconnected(problem, pause)
            except Missed as missed:
                _logger.warning("the watch of etcd left something out (%s): reading everything anew", missed)
                anew = True
            except _Compacted as compacted:
                _logger.warning("%s: reading everything anew", compacted)
                anew = True
            finally:
                self.connected = False
                self._stream = None
                self._held = []
            if anew:
                await self._read_anew()

    async def watch_over(self, known: Callable[[], int]) -> None:
        """Leave a connection that does not bring what is known to be there; ends only when cancelled."""
        vigil = Vigil()
        while True:
            await trio.sleep(TICK)
            stream = self._stream
            if stream is None or not self.connected:
                continue
            verdict = vigil.look(
                known(),
                self._state.revision,
                received_at=stream.received_at,
                heard_at=stream.heard_at,
                elsewhere=stream.member is not self._client.member,
            )
            if verdict is Verdict.ASK:
                stream.ask_sign()
            elif verdict is Verdict.LEAVE:
                stream.leave(f"it does not bring revision {known()}")

    async def _disconnected(self, problem: Problem, pause: float) -> None:
        if self.connected or not self.problem:
            _logger.warning(
                "the watch of etcd ended (%s); resuming after revision %d", problem, self._state.revision
            )
        self.connected = False
        self.problem = str(problem)
        self._client.figures.reconnects += 1
        if self._stream is not None:
            self._client.fail_over(self._stream.member)
        if problem.token_refused and self._client.logs_in:
            try:
                await self._client.log_in()
            except Problem as refused:
                self.problem = str(refused)
        await trio.sleep(pause * (0.5 + self._random.random() / 2))

    async def _follow(self) -> None:
        request = rpc.WatchCreateRequest(
            key=self._prefix,
            range_end=end_of(self._prefix),
            start_revision=self._state.revision + 1,
            progress_notify=True,
            fragment=True,
        )
        with WatchStream(self._client, request) as stream:
            self._stream = stream
            responses = await stream.receive(CREATED_SECONDS)
            if not responses:
                raise self._no_answer(stream)
            await self._check_revision(responses[0])
            self._take_all(responses)
            await stream.follow(self._take_all)

    def _take_all(self, responses: Sequence[rpc.WatchResponse]) -> None:
        """Take what has come, as one group; also when something in it ends the watch, what came before is published."""
        events: list[Event] = []
        before = self._state.revision
        try:
            for response in responses:
                self._check_identity(response)
                self._take(response, events)
        finally:
            if events:
                self.witnesses.saw(events)
            if events or self._state.revision > before:
                self._publish(events, False)

    def _no_answer(self, stream: WatchStream) -> Problem:
        return Problem(Code.DEADLINE_EXCEEDED, "no answer to a watch", stream.member.url)

    def _check_identity(self, response: rpc.WatchResponse) -> None:
        header = response.header
        if not header.cluster_id or response.canceled:
            return
        if header.cluster_id != self.cluster:
            raise EtcdReplaced(other_cluster(header.cluster_id, self.cluster))

    async def _check_revision(self, first: rpc.WatchResponse) -> None:
        """Revisions only rise, and what happened stays. A member that answers with a lower one may lag behind; then a majority is asked."""
        if first.canceled:
            return
        if first.header.revision >= self._state.revision:
            other = await self.witnesses.contradicted(self._client, self._state)
            if other is not None:
                what = f"{other.key} as it was at revision {other.revision}"
                raise EtcdReplaced(f"etcd does not have {what}: it was restored from a backup")
            await self._check_epoch()
            return
        request = rpc.RangeRequest(key=self._prefix, count_only=True)
        response: rpc.RangeResponse = await self._client.call(RANGE, request)
        if response.header.revision < self._state.revision:
            raise EtcdReplaced(stepped_back(response.header.revision, self._state.revision))

    async def _check_epoch(self) -> None:
        try:
            other = await other_epoch(self._client, self.epoch)
        except Problem as problem:
            if not problem.refused:
                raise
            return  # the right to read it was taken away; the contents have been compared
        if other:
            raise EtcdReplaced("etcd was set up anew")

    def _take(self, response: rpc.WatchResponse, events: list[Event]) -> None:
        """A response: adds the events of the whole revisions that it completes."""
        if response.created:
            self.connected = True
            self.problem = ""
        if response.canceled:
            raise self._cancelled(response)
        if response.events:
            self._held.extend(response.events)
            if not response.fragment:
                held, self._held = self._held, []
                self._state.apply(held, events)
        elif not self._held and not response.created:
            self._client.figures.progress += 1
            self._state.advance(response.header.revision)

    def _cancelled(self, response: rpc.WatchResponse) -> Exception:
        if response.compact_revision:
            return _Compacted(
                f"etcd was compacted to revision {response.compact_revision}, the watch had come to {self._state.revision}"
            )
        assert self._stream is not None
        reason = response.cancel_reason or "the watch was cancelled"
        return Problem(Code.UNAVAILABLE, reason, self._stream.member.url)

    async def _read_anew(self) -> None:
        self._client.figures.rereads += 1
        while True:
            try:
                pairs, header = await read_all(self._client, self._state, self._prefix)
            except Problem as problem:
                self.problem = str(problem)
                await trio.sleep(1.0)
                continue
            break
        older = header.revision < self._state.revision or self._state.contradicts(pairs)
        if header.cluster_id != self.cluster or older:
            raise EtcdReplaced("another etcd answers, or one from a backup")
        self.witnesses.begin(pairs)
        self._publish(self._state.replace(pairs, header.revision), True)
