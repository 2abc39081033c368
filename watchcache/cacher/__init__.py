"""The watch cache: current state and recent history of every resource in memory, fanned out as bytes.

A `Hub` follows the log and feeds one `Cacher` for each stored resource. A cacher answers gets and lists at any revision that
history holds, and serves watches: each watcher is sent exactly what it is owed, in order, without gaps or
repeats, however slow it is; what many are owed is made once. The package knows keys, values and revisions, not Kubernetes: how to find an object's
labels and fields, how an event is written, and where it goes are handed in.

Where to look: `hub` (the tick), `cacher` (one resource), `dispatch` and `groups` (who wants an event), `watcher` (catching up and
joining), `window` (history, undo), `plan` and `listing` (lists), `continuation` (tokens), `ages` (until when they are taken), `bookmarks`
(timers).
"""

from watchcache.cacher.cacher import Cacher
from watchcache.cacher.change import Change, EventType
from watchcache.cacher.continuation import Continuation
from watchcache.cacher.entry import AttributesOf, Entry
from watchcache.cacher.fanout import FanOut
from watchcache.cacher.hub import Hub
from watchcache.cacher.listing import Listing
from watchcache.cacher.plan import Freshness, Match, Plan, plan_list
from watchcache.cacher.problems import BadContinue, Expired, FutureRevision, NotReady, TooOld, WatchProblem
from watchcache.cacher.request import After, Framing, Initial, Now, Representation, Sink, WatchRequest
from watchcache.cacher.selection import Predicate, Scope, Selection
from watchcache.cacher.stats import CacherStats, WatcherStats
from watchcache.cacher.store import LAST
from watchcache.cacher.timed import Timed
from watchcache.cacher.watcher import Piece, Watcher
from watchcache.cacher.window import Bounds

__all__ = [
    "LAST",
    "After",
    "AttributesOf",
    "BadContinue",
    "Bounds",
    "Cacher",
    "CacherStats",
    "Change",
    "Continuation",
    "Entry",
    "EventType",
    "Expired",
    "FanOut",
    "Framing",
    "Freshness",
    "FutureRevision",
    "Hub",
    "Initial",
    "Listing",
    "Match",
    "NotReady",
    "Now",
    "Piece",
    "Plan",
    "Predicate",
    "Representation",
    "Scope",
    "Selection",
    "Sink",
    "Timed",
    "TooOld",
    "WatchProblem",
    "WatchRequest",
    "Watcher",
    "WatcherStats",
    "plan_list",
]
