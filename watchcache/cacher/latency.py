"""How long events take from their commit to their watchers, by stage. Pure: times are handed in.

Measured once a tick and resource, so that a delivery pays nothing. All events of a tick count with the time of its oldest: the
figures never flatter. Stages:

    journal   from the commit time (the writer's turn) to the moment when the journal had the event safe and it was published
    deliver   from there until it had been written to the sink of every live watcher that wants it
    total     both
"""

from __future__ import annotations

from watchcache.distribution import Distribution

# Seconds; the range is that of kube-apiserver's metric of this name.
BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
STAGES = ("journal", "deliver", "total")


class Latency:
    """One resource's distributions, by stage."""

    __slots__ = ("stages",)

    def __init__(self) -> None:
        self.stages = {stage: Distribution(BOUNDS) for stage in STAGES}

    def tick(self, events: int, committed: float, published: float, delivered: float) -> None:
        """Count a tick of so many events, the oldest of which was committed then. A clock that was set back counts as no time."""
        stages = self.stages
        stages["journal"].observe(max(0.0, published - committed), events)
        stages["deliver"].observe(max(0.0, delivered - published), events)
        stages["total"].observe(max(0.0, delivered - committed), events)
