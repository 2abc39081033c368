"""The versions of custom resources that a webhook makes: each is a log and a cache of its own behind the one that is kept.

A view follows the log as a worker or a server on etcd does, and has what it has heard converted before it publishes it, in order. So
lists, watches, selectors, pages, bookmarks and slow readers work on it as on anything else, and nothing else becomes any slower. The rules:

- A view begins when somebody first reads the version, and ends with its definition. Its history begins there: who resumes from before is told 410.
- Reads wait until the view holds what had been acknowledged when they came.
- What cannot be converted stops the view, not the log: reads are answered with what the webhook did, and each of them, or some seconds, try again. Watches
  wait, and miss nothing.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import trio

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import stamp
from watchcache.api.status import StatusError
from watchcache.cacher import Bounds, Cacher, Hub
from watchcache.log import Deliver, Event, Head, HistoryReader, ReadableLog, Ring, Subscribers
from watchcache.registry.attributes import attributes_of
from watchcache.registry.conversions import TOGETHER, Conversions
from watchcache.registry.store import Stored

_logger = logging.getLogger(__name__)
RETRY: Final = 5.0  # seconds until a webhook that has failed is asked again, if nobody reads before
_RING_BYTES: Final = 16 << 20


class ViewLog:
    """A `ReadableLog` of one resource's objects in a version that a webhook makes of what `source` has."""

    def __init__(self, source: ReadableLog, resource: Resource, conversions: Conversions) -> None:
        self._source = source
        self._resource = resource
        self._conversions = conversions
        self._root = f"{resource.storage_prefix}/"
        self._heads: dict[str, Head] = {}
        self._ring = Ring(_RING_BYTES)
        self._subscribers = Subscribers()
        self._waiting: deque[Event] = deque()
        self._heard = 0  # the source's revision up to which everything waits or is published
        self._came = trio.Event()
        self._moved = trio.Event()
        self._tries = 0
        self.published = 0
        self.problem: StatusError | None = None

    # -- what a hub needs

    @property
    def epoch(self) -> str:
        """That of the source."""
        return self._source.epoch

    @property
    def oldest(self) -> int:
        """History begins with the view."""
        return self._ring.oldest

    @property
    def gap(self) -> int:
        """The view ends when its source leaves something out."""
        return 0

    @property
    def lost(self) -> int:
        """As the source."""
        return self._source.lost

    @property
    def failure(self) -> BaseException | None:
        """As the source."""
        return self._source.failure

    def heads(self, prefix: str) -> Iterator[tuple[str, Head]]:
        """The objects, sorted by key."""
        return ((key, self._heads[key]) for key in sorted(self._heads) if key.startswith(prefix))

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Have `deliver` called with what is published."""
        return self._subscribers.add(deliver)

    def history(self, after: int) -> HistoryReader:
        """What was published after a revision."""
        return HistoryReader(self, self._ring, self, after)

    async def read(self, after: int, through: int) -> Sequence[Event]:
        """Nothing is kept but the ring."""
        del after, through
        return ()

    # -- following

    async def load(self) -> Callable[[], None]:
        """Convert what there is, and hear of everything that comes after it; returns the way out. Raises StatusError."""
        leave = self._source.subscribe(self._hear)
        try:
            heads = list(self._source.heads(self._root))
            self._heard = revision = self._source.published
            values = await self._conversions.values(self._resource, [head.value for _, head in heads])
        except BaseException:
            leave()
            raise
        for (key, head), value in zip(heads, values, strict=True):
            self._heads[key] = Head(head.revision, value)
        self.published = revision
        self._ring.restart(revision)
        return leave

    def _hear(self, events: Sequence[Event]) -> None:
        """Take what the source publishes. Never raises."""
        self._heard = self._source.published
        self._waiting.extend(event for event in events if event.key.startswith(self._root))
        self._came.set()

    async def follow(self) -> None:
        """Convert and publish what comes; ends only when cancelled, or when the source has left something out."""
        gap = self._source.gap
        while self._source.gap == gap:
            if not self._waiting and self._heard == self.published:
                self._came = trio.Event()
                await self._came.wait()
            try:
                self._publish(await self._convert())
            except StatusError as problem:
                _logger.warning("%s waits: %s", self._resource.cached_as, problem)
                self.problem = problem
                self._tried()
                self._came = trio.Event()
                with trio.move_on_after(RETRY):
                    await self._came.wait()

    async def _convert(self) -> tuple[list[Event], int]:
        """The next events in this version, which stay in their queue until all are converted; and the revision they lead up to."""
        whole = len(self._waiting) <= TOGETHER
        events = [self._waiting[number] for number in range(min(len(self._waiting), TOGETHER))]
        while not whole and self._waiting[len(events)].revision == events[-1].revision:
            events.append(self._waiting[len(events)])
        through = self._heard if whole else events[-1].revision
        values = await self._conversions.values(self._resource, [event.value for event in events])
        for _ in events:
            self._waiting.popleft()
        return [self._event(event, value) for event, value in zip(events, values, strict=True)], through

    def _event(self, event: Event, value: bytes) -> Event:
        before = self._heads.pop(event.key, None)
        if not event.deleted:
            self._heads[event.key] = Head(event.revision, value)
        return Event(
            event.revision,
            event.key,
            value,
            event.deleted,
            None if before is None else before.value,
            0 if before is None else before.revision,
            event.time,
        )

    def _publish(self, converted: tuple[list[Event], int]) -> None:
        events, self.published = converted
        self.problem = None
        self._ring.extend(events)
        self._subscribers.deliver(events)
        self._tried()

    def _tried(self) -> None:
        """Wake whoever waits for the view to move, or to say why it does not."""
        self._tries += 1
        self._moved.set()
        self._moved = trio.Event()

    async def wait_published(self, revision: int) -> None:
        """Wait until the view holds a revision. Raises StatusError when what leads up to it cannot be converted."""
        asked = self._tries
        if self.problem is not None:
            self._came.set()
        while self.published < revision:
            await self._moved.wait()
            if self.problem is not None and self._tries > asked and self.published < revision:
                raise self.problem


class View:
    """One version, while it is read."""

    def __init__(
        self,
        source: Hub,
        catalog: Catalog,
        resource: Resource,
        conversions: Conversions,
        bounds: Bounds | None,
    ) -> None:
        self._source = source
        self.log = ViewLog(source.log, resource, conversions)
        self.hub = Hub(self.log, stamp=stamp, read_revision=self._newest, page_lifetime=source.ages.lifetime)
        fields = resource.field_labels
        self.cacher = Cacher(
            resource.storage_prefix, attributes_of(resource, fields), field_names=fields, bounds=bounds
        )
        self.stored = Stored(self.hub, catalog, {resource.cached_as: self.cacher}, Random())  # noqa: S311 - spreads load
        self.settled = trio.Event()
        self._scope = trio.CancelScope()

    async def _newest(self) -> int:
        read = self._source.read_revision
        revision = self._source.log.published if read is None else await read()
        await self.log.wait_published(revision)
        return revision

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Convert what there is, then serve; ends when it is stopped. Raises StatusError before it has started."""
        with self._scope:
            leave = await self.log.load()
            try:
                async with trio.open_nursery() as nursery:
                    self.hub.add(self.cacher)
                    await nursery.start(self.hub.run)
                    task_status.started()
                    await self.log.follow()
                    nursery.cancel_scope.cancel()
            finally:
                leave()

    def stop(self) -> None:
        """End it, and its watches."""
        self._scope.cancel()


class Views:
    """The views of a process. `run` them in a task."""

    def __init__(
        self,
        catalog: Catalog,
        conversions: Conversions,
        hub_of: Callable[[Resource], Hub],
        bounds: Bounds | None,
    ) -> None:
        self._catalog = catalog
        self._conversions = conversions
        self._hub_of = hub_of
        self._bounds = bounds
        self._views: dict[Resource, View] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Have views begin and end; ends only when cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def stored(self, resource: Resource) -> Stored:
        """What reads of a version that a webhook makes work with. Raises StatusError when it cannot be made now."""
        while True:
            view = self._views.get(resource)
            if view is None:
                return (await self._begin(resource)).stored
            if view.cacher.ready:
                return view.stored
            await view.settled.wait()

    async def _begin(self, resource: Resource) -> View:
        assert self._nursery is not None, "views run"
        view = View(self._hub_of(resource), self._catalog, resource, self._conversions, self._bounds)
        self._views[resource] = view
        try:
            await self._nursery.start(self._run, resource, view)
        except BaseException:
            self._views.pop(resource, None)
            raise
        finally:
            view.settled.set()
        return view

    async def _run(self, resource: Resource, view: View, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await view.run(task_status=task_status)
        finally:
            if self._views.get(resource) is view:
                del self._views[resource]

    def end(self, resource: Resource) -> None:
        """Serve a version no more: its definition has changed, or is gone."""
        view = self._views.pop(resource, None)
        if view is not None:
            view.stop()
