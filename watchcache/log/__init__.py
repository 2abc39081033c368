"""The ordered event log: one global revision, durable before visible.

Every change of the server passes through a `Log`. It checks the writer's precondition, assigns the next revision,
has a `Journal` make it durable together with all others that are waiting, and then publishes it: subscribers are
called in revision order, the writer is answered, and the event stays readable as history for as long as the
journal retains it. The log knows keys and bytes, not Kubernetes.
"""

from watchcache.log.errors import (
    Compacted,
    Conflict,
    Corrupt,
    JournalError,
    JournalFailed,
    JournalFull,
    JournalReplaced,
    JournalUnavailable,
    LogClosed,
    LogError,
    OneKeyOnly,
    ValueTooLarge,
    unavailable,
)
from watchcache.log.events import Event, Head, Stamp
from watchcache.log.history import HistoryReader
from watchcache.log.interface import Beside, EventLog, SharedLog
from watchcache.log.journal import Journal, Recovered
from watchcache.log.log import Log
from watchcache.log.reading import ReadableLog
from watchcache.log.ring import Ring, cost
from watchcache.log.sequence import MAX_VALUE, Sequence
from watchcache.log.stats import JournalStats, LogStats
from watchcache.log.subscribers import Deliver, Subscribers
from watchcache.log.ticket import Ticket
from watchcache.log.waiters import Waiters

__all__ = [
    "MAX_VALUE",
    "Beside",
    "Compacted",
    "Conflict",
    "Corrupt",
    "Deliver",
    "Event",
    "EventLog",
    "Head",
    "HistoryReader",
    "Journal",
    "JournalError",
    "JournalFailed",
    "JournalFull",
    "JournalReplaced",
    "JournalStats",
    "JournalUnavailable",
    "Log",
    "LogClosed",
    "LogError",
    "LogStats",
    "OneKeyOnly",
    "ReadableLog",
    "Recovered",
    "Ring",
    "Sequence",
    "SharedLog",
    "Stamp",
    "Subscribers",
    "Ticket",
    "ValueTooLarge",
    "Waiters",
    "cost",
    "unavailable",
]
