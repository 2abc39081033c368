"""What admission took, by plugin and by step, under kube-apiserver's names; read at the scrape.

Writes are admitted by the process that makes them durable, so that is the one that has these figures.
"""

from __future__ import annotations

from collections.abc import Iterator

from watchcache.admission import Chain
from watchcache.http.exposition import Family

LABELS = ("operation", "rejected", "type")


def admission_families(chain: Chain) -> Iterator[Family]:
    """`apiserver_admission_controller_admission_duration_seconds`, and the same for whole steps."""
    prefix, suffix = "apiserver_admission_", "_admission_duration_seconds"
    plugins = Family(
        "histogram", f"{prefix}controller{suffix}", "Time of admission plugins.", ("name", *LABELS)
    )
    steps = Family("histogram", f"{prefix}step{suffix}", "Time of steps of admission.", LABELS)
    for kind, operation, step in chain.steps():
        for took in step.figures():
            family, name = (plugins, (took.name,)) if took.name else (steps, ())
            for rejected, distribution in (("false", took.accepted), ("true", took.rejected)):
                if distribution:
                    family.samples.append(((*name, operation.value, rejected, kind), distribution))
    yield from (plugins, steps)
