"""What admission took, by plugin and by step, under kube-apiserver's names; read at the scrape.

Writes are admitted by the process that makes them durable, so that is the one that has these figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from watchcache.admission import Chain, Policies, Webhooks
from watchcache.http.exposition import Family

Samples = list[tuple[Sequence[str], Any]]
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


def webhook_families(webhooks: Webhooks) -> Iterator[Family]:
    """`apiserver_admission_webhook_*`: what webhooks took, said and failed to say."""
    figures = webhooks.figures
    durations: Samples = []
    counted: list[Samples] = [[], [], []]
    if figures is not None:  # else none was ever configured
        durations = list(figures.durations.items())
        counted = [list(each.items()) for each in (figures.requests, figures.rejections, figures.failed_open)]
    prefix = "apiserver_admission_webhook_"
    yield Family(
        "histogram",
        f"{prefix}admission_duration_seconds",
        "Time that webhooks took.",
        ("name", *LABELS),
        durations,
    )
    counters = (
        ("request_total", "Writes that webhooks were asked about.", ("code", "name", *LABELS)),
        (
            "rejection_count",
            "Writes that were refused by webhooks, or for want of them.",
            ("error_type", "name", "operation", "rejection_code", "type"),
        ),
        ("fail_open_count", "Webhooks that were passed over.", ("name", "type")),
    )
    for (name, help, labels), numbers in zip(counters, counted, strict=True):
        # The client library would add `_total` to a counter without it, and the names would not be kube-apiserver's.
        kind = "counter" if name.endswith("_total") else "gauge"
        yield Family(kind, f"{prefix}{name}", help, labels, numbers)


def policy_families(policies: Policies) -> Iterator[Family]:
    """`apiserver_validating_admission_policy_*` and `apiserver_mutating_admission_policy_*`: what policies said, and how long it took."""
    figures = policies.figures  # without those of kinds that were never stored
    labels = ("policy", "policy_binding", "error_type", "enforcement_action")
    for word in ("validating", "mutating"):
        prefix = f"apiserver_{word}_admission_policy_check_"
        durations: Samples = list(figures[word].durations.items()) if word in figures else []
        counts: Samples = [(key, sum(distribution.counts)) for key, distribution in durations]
        yield Family("counter", f"{prefix}total", "What policies said of writes.", labels, counts)
        yield Family(
            "histogram",
            f"{prefix}duration_seconds",
            "Time that expressions of policies took.",
            labels,
            durations,
        )
