"""More than one core: serving processes beside the one that writes (`--watchcache-workers`).

The process that was started owns the log, the journal and the registry. Each worker is a process of its own, which follows
the log (`watchcache.follow`), keeps caches of its own, listens on the same port (SO_REUSEPORT), answers reads and watches by
itself, and passes each write on, with its caller's name, to the one that writes.
"""

from watchcache.workers.supervisor import Supervisor

__all__ = ["Supervisor"]
