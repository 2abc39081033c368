"""The watch cache of one stored resource: current state, recent history, and who is watching.

Shell around the pure parts: `store` (now), `window` (what led to it), `dispatch` (who wants a change), `plan` and
`listing` (which state, which page). Events come in through the hub, in one tick for all resources: `apply` for each, then one
`flush`. Nothing in a tick awaits, so between two ticks every reader sees one consistent state:

    store = state at `hub.revision`;  window.newest <= revision <= hub.revision;
    every live watcher has been given all of it, or is a member of a large group that knows how far it has come (`groups`)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import trio

from watchcache.cacher import listing
from watchcache.cacher.change import Change
from watchcache.cacher.dispatch import Dispatcher
from watchcache.cacher.entry import AttributesOf, Entry
from watchcache.cacher.fanout import Tick
from watchcache.cacher.figures import Loads, Reads
from watchcache.cacher.frames import Frames
from watchcache.cacher.latency import Latency
from watchcache.cacher.listing import Listing
from watchcache.cacher.places import place_of
from watchcache.cacher.plan import Freshness, Plan, expired_token
from watchcache.cacher.problems import Expired, NotReady
from watchcache.cacher.request import Sink, WatchRequest
from watchcache.cacher.selection import Scope, Selection
from watchcache.cacher.stats import CacherStats
from watchcache.cacher.store import Store
from watchcache.cacher.watcher import Piece, Watcher
from watchcache.cacher.window import Bounds, Following, Undone, Window, undo
from watchcache.log import Compacted, Event, Head

if TYPE_CHECKING:
    from watchcache.cacher.groups import Group
    from watchcache.cacher.hub import Hub

# Seconds for which a window's places are kept after someone has looked one up: clients that were cut off come back within half a minute.
KEEP_PLACES = 60.0
# Objects whose selectors are asked between two checkpoints of a list: about a millisecond.
BLOCK = 2048


class Cacher:
    """One stored resource: objects whose keys begin with `prefix` + "/".

    `attributes` takes labels and field values out of a value; `field_names` name the latter in order;
    `indexes` are those of them to look up by (`Selection.index`). `bounds` limit the window, `piece` what a watcher is given at a time. Add it to a `Hub` before use.
    """

    def __init__(
        self,
        prefix: str,
        attributes: AttributesOf,
        *,
        field_names: tuple[str, ...] = (),
        indexes: tuple[str, ...] = (),
        bounds: Bounds | None = None,
        piece: Piece | None = None,
    ) -> None:
        self.prefix = prefix
        self.root = prefix + "/"
        self.field_names = field_names
        self.revision = 0  # the newest event of this resource
        self.events = self.dispatched = self.initial_events = self.dispatched_bytes = 0
        self.terminated = 0
        self.latency = Latency()
        self.reads = Reads()
        self.loads = Loads()
        self.watchers: set[Watcher] = set()
        self._indexed = tuple(field_names.index(name) for name in indexes)
        self._bounds = bounds or Bounds()
        self.piece = piece or Piece()
        self._attributes = attributes
        self._hub: Hub | None = None
        self._snapshot: tuple[int, str, Sequence[Entry]] | None = None
        self._looked_up = self._places_kept = False
        self.dispatcher = Dispatcher(self.root, self._indexed)
        self.store = Store(self._indexed)
        self.window = Window(0, self._bounds)

    # -- life

    @property
    def ready(self) -> bool:
        """Whether the state has been loaded."""
        return self._hub is not None

    @property
    def hub(self) -> Hub:
        """The hub that feeds it; raises `NotReady` before that has loaded it."""
        if self._hub is None:
            raise NotReady(self.prefix)
        return self._hub

    @property
    def frames(self) -> Frames:
        """The frames shared by all."""
        return self.hub.frames

    @property
    def oldest(self) -> int:
        """The lowest revision that a watch can start after: the window's or the log's, whichever goes further back."""
        return min(self.window.floor, self.hub.oldest)

    def load(self, hub: Hub, heads: Iterable[tuple[str, Head]], revision: int) -> None:
        """Take the state at `revision`; history begins there."""
        entries = [
            Entry(key, head.revision, head.value, *self._attributes(key, head.value)) for key, head in heads
        ]
        self.store = Store(self._indexed)
        self.store.load(entries)
        self.window = Window(revision, self._bounds)
        self.revision = max((entry.revision for entry in entries), default=0)
        self._hub = hub
        self._snapshot = None

    def unload(self) -> None:
        """End all watches and forget the state; not ready from now on."""
        self.end_watches()
        self._hub = None
        self._snapshot = None
        self.store = Store(self._indexed)

    # -- events

    def change_of(self, event: Event, known: Entry | None = None) -> Change:
        """An event of the log's history in the cache's terms.

        Entries that are still current are shared, and so is `known` when it is what the event replaced.
        """
        if event.prev is None:
            before = None
        elif known is not None and known.revision == event.prev_revision:
            before = known
        else:
            before = self._entry_of(event.key, event.prev_revision, event.prev)
        if event.deleted:
            return Change(event.revision, event.key, before, None, event.value, event.time)
        after = self._entry_of(event.key, event.revision, event.value)
        return Change(event.revision, event.key, before, after, None, event.time)

    def _entry_of(self, key: str, revision: int, value: bytes) -> Entry:
        entry = self.store.get(key)
        if entry is not None and entry.revision == revision:
            return entry
        return Entry(key, revision, value, *self._attributes(key, value))

    def apply(self, event: Event) -> None:
        """Take an event into store and window, and note it with the groups it concerns."""
        if event.deleted:
            change = Change(
                event.revision, event.key, self.store.remove(event.key), None, event.value, event.time
            )
        else:
            entry = Entry(event.key, event.revision, event.value, *self._attributes(event.key, event.value))
            change = Change(event.revision, event.key, self.store.put(entry), entry, None, event.time)
        self.window.append(change)
        self.revision = event.revision
        self.events += 1
        self._snapshot = None
        self.dispatcher.offer(change)

    def flush(self, tick: Tick) -> None:
        """End of the tick: send what it brought, or have it sent."""
        fan_out = self.hub.fan_out

        def owe(group: Group) -> None:
            fan_out.owe(self, group, tick)

        self.count(*self.dispatcher.flush(self.frames, fan_out.wide, owe))

    def count(self, events: int, size: int) -> None:
        """Count events and bytes handed to live watchers."""
        self.dispatched += events
        self.given(size)

    def given(self, size: int) -> None:
        """Count bytes handed to sinks."""
        self.dispatched_bytes += size
        self.hub.given(size)

    # -- reading

    def get(self, key: str) -> Entry | None:
        """The object at a full key, as of the newest published event."""
        return self.store.get(key)

    async def list(self, selection: Selection, plan: Plan) -> Listing:
        """The objects that a selection covers, at the state the plan names.

        The listing's entries are shared, not copied; they stay as they were. Selectors over many objects are asked in
        blocks with a checkpoint between. A list that need not wait does not.
        Raises `FutureRevision` after waiting 3 s (L15), `Expired` (L16, L17), `NotReady` (L21).
        """
        hub = self.hub
        scope = selection.bind(self.root, self.field_names)
        if plan.wait_for:
            await self.wait_revision(plan.wait_for)
        elif plan.freshness is Freshness.NEWEST:
            await self._read_newest()
        hub = self.hub  # it may have been removed meanwhile
        if plan.limit or plan.resumed:
            hub.ages.note(hub.now(), hub.revision)
        if plan.freshness is not Freshness.EXACT:
            if (ready := listing.at_hand(self.store, plan, hub.revision, scope)) is not None:
                return self._counted(self.field_names[scope.position], ready.entries, ready)
            return await self._list_at(hub.revision, {}, selection, scope, plan)
        undone = await self._undone(plan)
        return await self._list_at(plan.revision, undone, selection, scope, plan)

    async def wait_revision(self, revision: int) -> None:
        """Wait until the state is not older than a revision. Raises `FutureRevision` after 3 s (L15)."""
        hub = self.hub
        began = hub.now()
        try:
            await hub.wait_revision(revision)
        finally:
            self.reads.waits.observe(hub.now() - began)

    async def wait_newest(self) -> None:
        """Wait until the state has all that had been acknowledged when this was called (L1). Raises as `wait_revision`."""
        newest = self.hub.read_revision
        await self.wait_revision(self.hub.revision if newest is None else await newest())

    async def _read_newest(self) -> None:
        try:
            await self.wait_newest()
        except Exception:
            self.reads.failed += 1
            raise
        self.reads.consistent += 1

    async def _list_at(
        self, revision: int, undone: Undone, selection: Selection, scope: Scope, plan: Plan
    ) -> Listing:
        """One page of the state at `revision`. What is read of the store is read before the first await."""
        if not selection.whole:
            found = listing.candidates(self.store, scope, plan.start, undone)
            matched = await _accepted_in_blocks(found, scope, plan.limit)
            indexed = scope.position in self._indexed and not scope.key
            index = self.field_names[scope.position] if indexed else ""
            return self._counted(index, found, listing.page(plan, revision, scope, matched, found, None))
        most = plan.limit + 1 if plan.limit else None
        found = listing.candidates(self.store, scope, plan.start, undone, most)
        total = listing.count(self.store, scope, plan.start, undone) if plan.limit else None
        return self._counted("", found, listing.page(plan, revision, scope, found, found, total))

    def _counted(self, index: str, found: Sequence[Entry], listed: Listing) -> Listing:
        self.reads.listed(index, len(found), len(listed.entries))
        return listed

    async def _undone(self, plan: Plan) -> Undone:
        """What to put back to have the state at the plan's revision; from the log where the window is too short."""
        wanted = plan.revision
        if plan.resumed and self.hub.ages.passed(wanted):
            raise Expired(expired_token(plan))
        older: list[Change] = []
        while wanted < (floor := self.window.floor):
            try:
                older += await self.hub.history.changes_between(self, wanted, floor)
            except Compacted:
                raise Expired(expired_token(plan)) from None
            wanted = floor  # the window may have moved on meanwhile: then read what it lost, too
        return undo([*older, *self.window.after(wanted)])

    # -- watching

    def watch(self, request: WatchRequest, sink: Sink) -> Watcher:
        """Start a watch on a sink; it ends at its deadline, or when `Watcher.stop` is called.

        Nothing is sent before this returns. A revision that is too old, or in the future with initial events, becomes an
        ERROR event in the stream (W8, W9); wait with `Hub.wait_revision` before if the protocol grants a wait. Raises `NotReady`.
        """
        scope = request.selection.bind(self.root, self.field_names)
        watcher = Watcher(self, request, scope, sink)
        self.watchers.add(watcher)
        return watcher

    def snapshot(self, scope: Scope) -> Sequence[Entry]:
        """The entries at the places that a scope covers, as they are now; shared by all who ask before the next event."""
        if scope.key or scope.position in self._indexed:
            return listing.candidates(self.store, scope, "", {})
        revision = self.hub.revision
        if self._snapshot is None or self._snapshot[:2] != (revision, scope.prefix):
            self._snapshot = (revision, scope.prefix, listing.candidates(self.store, scope, "", {}))
        return self._snapshot[2]

    def changes_after(self, revision: int, scope: Scope) -> Following:
        """A piece of the window's changes after a revision, as far as they can concern a scope; `revision` >= the window's floor."""
        found = self.window.concerning(
            place_of(scope, self.root), revision, self.piece.changes, self.piece.few
        )
        if found.looked_up:
            self._looked_up = True
            self._keep_places()
        return found

    def _keep_places(self) -> None:
        if not self._places_kept:
            self._places_kept = True
            self.hub.wheel_add(self.hub.now() + KEEP_PLACES, self._let_places_go)

    def _let_places_go(self) -> None:
        """The storm is over when nobody has looked up anything for a while."""
        self._places_kept = False
        if self._looked_up and self._hub is not None:
            self._looked_up = False
            self._keep_places()
        else:
            self.window.places.clear()

    def forget(self, watcher: Watcher) -> None:
        """A watcher has ended."""
        self.watchers.discard(watcher)

    def end_watches(self) -> None:
        """End every watch cleanly."""
        for watcher in tuple(self.watchers):
            watcher.finish()

    def stats(self) -> CacherStats:
        """Counts and sizes, for metrics."""
        return CacherStats(
            prefix=self.prefix,
            revision=self.revision,
            objects=len(self.store),
            bytes=self.store.bytes,
            events=self.events,
            dispatched=self.dispatched,
            dispatched_bytes=self.dispatched_bytes,
            initial_events=self.initial_events,
            watchers=len(self.watchers),
            live=self.dispatcher.live,
            groups=len(self.dispatcher),
            window_changes=len(self.window),
            window_bytes=self.window.bytes,
            window_capacity=self.window.bounds.bytes,
            window_floor=self.window.floor,
            terminated=self.terminated,
            reads=self.reads,
            loads=self.loads,
        )

    def check(self) -> None:
        """Assert what must hold between two ticks."""
        self.store.check()
        self.window.check()
        assert self.window.newest <= self.hub.revision
        assert self.revision <= self.hub.revision


async def _accepted_in_blocks(found: Sequence[Entry], scope: Scope, limit: int) -> list[Entry]:
    """Those whose state belongs; with a limit, not many more than that."""
    matched: list[Entry] = []
    for first in range(0, len(found), BLOCK):
        if first:
            await trio.lowlevel.checkpoint()
        matched += listing.accepted(found[first : first + BLOCK], scope)
        if limit and len(matched) >= limit:
            break
    return matched
