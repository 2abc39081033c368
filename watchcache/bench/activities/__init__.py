"""What happens in a phase. Each activity is a record of a scenario file (`do` names it) that knows how to do its share.

An activity that is `finite` ends by itself and its phase waits for it; the others go on until the phase ends. Every process
runs every activity: per-node work on its own nodes, the rest shared evenly or left to the process that leads.
"""

from __future__ import annotations

from watchcache.bench.activities.base import Activity
from watchcache.bench.activities.heartbeats import Leases, NodeStatus
from watchcache.bench.activities.lifecycle import Boot, KillServer, Storm, Watchers
from watchcache.bench.activities.pods import Churn, RollingUpdate
from watchcache.bench.activities.reading import Hinder, Poll
from watchcache.bench.activities.repeating import Repeat
from watchcache.bench.activities.resources import Broadcast, DeleteNamespace
from watchcache.bench.activities.touching import Place, Touch

AnyActivity = (
    Boot
    | Broadcast
    | Churn
    | DeleteNamespace
    | Hinder
    | KillServer
    | Leases
    | NodeStatus
    | Place
    | Poll
    | Repeat
    | RollingUpdate
    | Storm
    | Touch
    | Watchers
)

__all__ = ["Activity", "AnyActivity", "KillServer"]
