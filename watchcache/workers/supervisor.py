"""The process that writes, over its workers: starts them, feeds them, takes their writes, replaces those that end.

The server ends in the order that keeps every promise: the workers finish what their clients asked for and leave, and only
then the log closes. A worker that ends unasked is replaced; its clients come back, to it or to another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import partial

import trio

from watchcache.admission_metrics import admission_families, policy_families, webhook_families
from watchcache.credentials import Credentials
from watchcache.follow import Feed
from watchcache.front import DRAIN_SECONDS, Ending
from watchcache.http.exposition import Family, exposition
from watchcache.http.health import Check, reason_of
from watchcache.http.merged_exposition import merged
from watchcache.http.metrics import Source
from watchcache.http.watchers import merged_watchers
from watchcache.log_metrics import log_families
from watchcache.registry import Registry
from watchcache.settings import ServerFailed, Settings
from watchcache.storage import Storage
from watchcache.workers.assignment import Assignment
from watchcache.workers.passing import Desk
from watchcache.workers.place import Place

logger = logging.getLogger("watchcache.workers")

# What a worker may take to leave beyond the delay that was asked for; then it is killed.
_GRACE = 2 * DRAIN_SECONDS + 5
# What a worker may take for its part of a page; who waits for the whole gives up later (`worker.GATHER_SECONDS`).
_ANSWER_SECONDS = 5.0


def problems_of(checks: Iterable[Check]) -> dict[str, str]:
    """What is not well, by the names of the checks."""
    found = ((check.name, reason_of(check)) for check in checks)
    return {name: reason for name, reason in found if reason}


class Supervisor:
    """All workers of a server. `serve` is its life; the other methods are called while it runs."""

    def __init__(
        self,
        registry: Registry,
        storage: Storage,
        settings: Settings,
        credentials: Credentials,
        url: str,
        port: int,
    ) -> None:
        log = storage.log
        problems = partial(problems_of, storage.checks)
        self.feeds = [Feed(log, read_revision=storage.read_revision, problems=problems)]
        self.feeds += [Feed(each.log, read_revision=each.read_revision) for each in storage.overrides]
        self.desk = Desk(registry)
        self._sources: list[Source] = [
            partial(log_families, *storage.logs),
            partial(admission_families, registry.chain),
            partial(webhook_families, registry.webhooks),
            partial(policy_families, registry.policies),
            *storage.metrics,
            self._families,
        ]
        self._grace = settings.shutdown_delay_duration + _GRACE
        self.places = [
            Place(
                self,
                Assignment(
                    name=f"worker-{number}",
                    settings=settings,
                    url=url,
                    port=port,
                    certificate=credentials.pair.certificate,
                    key=credentials.pair.key,
                    client_ca=credentials.client_ca,
                    token_file=credentials.token_file,
                    storage_checks=[(check.name, check.endpoints) for check in storage.checks],
                    apart=[each.prefixes for each in storage.overrides],
                ),
            )
            for number in range(settings.workers)
        ]

    async def serve(
        self, ending: Ending, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the workers until the ending is begun and all have left; `started` when all serve. Raises ServerFailed."""
        async with trio.open_nursery() as nursery:
            for feed in self.feeds:
                await nursery.start(feed.run)
            for place in self.places:
                nursery.start_soon(place.keep)
            for place in self.places:
                await place.first_start.wait()
                if place.failure:
                    raise ServerFailed(place.failure)
            task_status.started()
            await ending.begun.wait()
            with trio.move_on_after(self._grace):
                async with trio.open_nursery() as leaving:
                    for place in self.places:
                        leaving.start_soon(place.leave)
            nursery.cancel_scope.cancel()  # kills those that have not left

    def reload(self) -> None:
        """Have every worker read the serving certificate again."""
        for place in self.places:
            place.tell("reload")

    async def wait_drained(self) -> None:
        """Return when nothing runs in any worker that was told to leave.

        Until then those that have finished stay, to tell newcomers what all tell them: a client does not know which it reaches.
        """
        for place in self.places:
            if place.leaving and place.serving:
                await place.drained.wait()

    async def answer(self, operation: str, payload: bytes) -> bytes:
        """What workers ask for, besides what concerns their own place."""
        if operation == "metrics":
            return await self.metrics()
        if operation == "watchers":
            return merged_watchers(await self._ask_all("watchers", payload), payload.decode())
        return await self.desk.answer(operation, payload)

    async def metrics(self) -> bytes:
        """The exposition of all processes together; one that does not answer is missing from it."""
        own = exposition(family for source in self._sources for family in source())
        texts = {"writer": own, **await self._ask_all("metrics")}
        return merged({name: texts[name] for name in sorted(texts)})

    async def _ask_all(self, operation: str, body: bytes = b"") -> dict[str, bytes]:
        """What the workers answer, by their names; one that does not is missing."""
        answers: dict[str, bytes] = {}

        async def ask(place: Place) -> None:
            with trio.move_on_after(_ANSWER_SECONDS):
                if answer := await place.ask(operation, body):
                    answers[place.name] = answer

        async with trio.open_nursery() as nursery:
            for place in self.places:
                nursery.start_soon(ask, place)
        return answers

    def _families(self) -> Iterator[Family]:
        stats = [feed.stats() for feed in self.feeds]
        serving = sum(place.serving for place in self.places)
        restarts = sum(place.restarts for place in self.places)
        rows = (
            ("gauge", "watchcache_workers", "Workers that serve.", serving),
            ("counter", "watchcache_worker_restarts_total", "Workers that ended unasked.", restarts),
            ("gauge", "watchcache_feed_queued_bytes", "Bytes that workers have not taken.", sum(each.queued for each in stats)),
            ("counter", "watchcache_feed_parked_total", "Workers that fell behind the live events.", sum(each.parked for each in stats)),
        )  # fmt: skip
        for kind, name, text, value in rows:
            yield Family(kind, name, text, samples=[((), value)])
