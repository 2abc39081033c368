"""A serving process: follows the log, keeps its caches, answers reads and watches, passes writes on.

It ends when it is told to, when it loses the process that writes, or when that can no longer tell it what it missed. In each
case its watches end cleanly, so that clients resume elsewhere. Signals of a terminal are for the process that writes; SIGTERM
ends this worker alone, gracefully, and another takes its place.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import trio

from watchcache import logs
from watchcache.account_keys import account_keys
from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp
from watchcache.api.status import service_unavailable
from watchcache.auth import access_of
from watchcache.cacher import Hub
from watchcache.credentials import Serving
from watchcache.follow import FeedLost, FollowerLog
from watchcache.front import (
    JOURNAL_FAILURES,
    Ending,
    api_options,
    authenticators,
    checks,
    openid,
    serve_requests,
)
from watchcache.http.api import Api
from watchcache.http.exposition import Family
from watchcache.http.health import Check
from watchcache.http.merged_exposition import merged
from watchcache.http.query import parse_query
from watchcache.http.watchers import merged_watchers
from watchcache.http.wire import listen
from watchcache.http.wire.blocks import whole
from watchcache.memory import keep_heap_trimmed, settle_memory, use_one_heap
from watchcache.pki import KeyPair
from watchcache.process import first_of, raise_descriptor_limit
from watchcache.registry import Apart
from watchcache.settings import SettingsProblem
from watchcache.workers.assignment import Assignment, decode
from watchcache.workers.passing import PassingResources
from watchcache.workers.peer import Peer, PeerFailed, PeerGone
from watchcache.workers.place import stream_of

logger = logging.getLogger("watchcache.workers")

# Seconds without a word from the process that writes, after which a worker is not ready. After what a worker may be silent for
# (`--watchcache-worker-timeout`) it is not alive either: whoever watches over the server starts it anew.
_SILENCE = 5.0
# What a page of all processes may take. Less than a scraper waits, more than the process that writes waits for its workers.
GATHER_SECONDS = 7.0
LOST, UNFIT = 3, 2
FAILURES = (*JOURNAL_FAILURES, (FeedLost, lambda problem: service_unavailable(str(problem), 1)))


def main(calls: int, *feeds: int) -> int:
    """Be a worker, on these descriptors; the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise_descriptor_limit()
    use_one_heap()
    code = UNFIT
    try:
        code = trio.run(_run, calls, feeds)
    except* SettingsProblem as group:
        print(f"watchcache: {first_of(group)}", file=sys.stderr)  # noqa: T201
    except* PeerGone:  # it has left while this one was starting, and has said why
        code = LOST
    except* (FeedLost, PeerFailed) as group:
        logger.warning("the process that writes is out of reach: %r", first_of(group))
        code = LOST
    return code


async def _run(calls: int, feeds: Sequence[int]) -> int:
    worker = Worker()
    peer = Peer(stream_of(socket.socket(fileno=calls)), worker.answer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_obey_sigterm, worker)
        nursery.start_soon(worker.follow_peer, peer)
        assignment = decode(await peer.call("assignment"))
        logs.set_up(assignment.settings.verbosity, assignment.settings.logging_format)
        await worker.serve(assignment, peer, [stream_of(socket.socket(fileno=feed)) for feed in feeds])
        nursery.cancel_scope.cancel()
    return LOST if worker.ending.lost else 0


async def _obey_sigterm(worker: Worker) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            worker.ending.begin()


class Worker:
    """What a worker's process runs."""

    def __init__(self) -> None:
        self.ending = Ending()
        self._api: Api | None = None
        self._certificate: Serving | None = None

    async def follow_peer(self, peer: Peer) -> None:
        """Carry the calls; without the process that writes there is nothing to serve."""
        await peer.run()
        self.ending.begin(lost=True)

    async def answer(self, operation: str, payload: bytes) -> bytes:
        """What the process that writes asks for."""
        if operation == "shutdown":
            self.ending.begin()
        elif operation == "reload" and self._certificate is not None:
            self._certificate.reload()
        elif operation == "metrics" and self._api is not None:
            return self._api.metrics.text()
        elif operation == "watchers" and self._api is not None:
            return whole((await self._api.own_watchers(parse_query(payload.decode()))).body)
        return b""

    async def serve(self, assignment: Assignment, writer: Peer, feeds: Sequence[trio.abc.Stream]) -> None:
        """Load, serve, and end. Raises SettingsProblem, FeedLost before it serves."""
        settings = assignment.settings
        logs = [FollowerLog(feed, ring_bytes=settings.window_bytes) for feed in feeds]
        for each in logs:
            await each.open()
        log = logs[0]
        room = settings.max_watch_queue_bytes // settings.workers  # the bound is the whole server's
        hub, *others = (
            Hub(
                each,
                stamp=stamp,
                read_revision=each.read_revision,
                queue_limit=room,
                page_lifetime=settings.etcd_compaction_interval,
            )
            for each in logs
        )
        apart = [Apart(prefixes, other) for prefixes, other in zip(assignment.apart, others, strict=True)]
        access = access_of(settings.authorization_mode)
        resources = PassingResources(hub, load_catalog(), settings, writer, apart, access.followers)
        keys = account_keys(settings)
        api = self._api = Api(
            resources,
            resources.catalog,
            authenticators(settings, assignment.token_file, keys.trust, resources.find).of_requests,
            authorizer=access.authorizer,
            options=api_options(settings, assignment.url),
            checks=[*checks(log), *_checks_of_writer(log, assignment)],
            metrics_sources=[partial(_families, logs)],
            failures=FAILURES,
            gather=partial(self._gather, assignment.name, writer),
            openid=openid(keys, settings),
        )
        pair = KeyPair(assignment.certificate, assignment.key)
        certificate = self._certificate = Serving(settings, pair, assignment.client_ca)
        async with trio.open_nursery() as core:
            for each in logs:
                core.start_soon(self._follow, assignment.name, each)
            for one in resources.hubs:
                await core.start(one.run)
            resources.follow_definitions()
            await core.start(resources.views.run)
            listeners = listen(settings.bind_address, assignment.port, reuse_port=True)
            front = partial(
                serve_requests,
                api,
                listeners,
                certificate.context,
                settings,
                self.ending,
                partial(_drained, writer),
            )
            try:
                async with trio.open_nursery() as outer:
                    await outer.start(front)
                    settle_memory()
                    core.start_soon(keep_heap_trimmed)
                    await writer.call("serving")
            finally:
                with trio.CancelScope(shield=True):
                    await resources.aclose()
            core.cancel_scope.cancel()

    async def _gather(self, name: str, writer: Peer, operation: str, payload: bytes) -> bytes:
        """A page of all processes; while the one that writes does not answer, of this one."""
        with trio.move_on_after(GATHER_SECONDS), suppress(PeerGone):
            return await writer.call(operation, payload)
        own = {name: await self.answer(operation, payload)}
        return merged(own) if operation == "metrics" else merged_watchers(own, payload.decode())

    async def _follow(self, name: str, log: FollowerLog) -> None:
        try:
            await log.run()
        except FeedLost as problem:
            logger.warning(
                "%s cannot follow the process that writes (%s): it ends its watches and leaves", name, problem
            )
            self.ending.begin(lost=True)


async def _drained(writer: Peer) -> None:
    """Nothing runs here any more; returns when that is so in all workers that leave."""
    with suppress(PeerGone):
        await writer.call("drained")


def _checks_of_writer(log: FollowerLog, assignment: Assignment) -> Iterator[Check]:
    """What this worker knows of the process that writes, and what that has said of its storage."""
    for name, endpoints in assignment.storage_checks:
        yield Check(name, partial(log.problem, name), endpoints)
    yield Check("writer", partial(_silence, log, _SILENCE), ("readyz",))
    if timeout := assignment.settings.worker_timeout:
        yield Check("writer-alive", partial(_silence, log, max(timeout, _SILENCE)), ("healthz", "livez"))


def _silence(log: FollowerLog, limit: float) -> str | None:
    silent = trio.current_time() - log.heard
    return f"nothing was heard from the process that writes for {silent:.0f} s" if silent > limit else None


def _families(logs: Sequence[FollowerLog]) -> Iterator[Family]:
    lag, gaps = max(log.newest - log.published for log in logs), sum(log.gaps for log in logs)
    rows = (
        ("gauge", "watchcache_worker_revision", "Newest revision that this worker's clients can see.", logs[0].published),
        ("gauge", "watchcache_worker_lag_revisions", "How far it is behind the log.", lag),
        ("counter", "watchcache_worker_gaps_total", "Gaps in the feed that were repaired.", gaps),
    )  # fmt: skip
    for kind, name, text, value in rows:
        yield Family(kind, name, text, samples=[((), value)])
