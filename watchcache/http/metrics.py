"""`/metrics`: names, labels and buckets that dashboards of Kubernetes query.

What happens on every request is counted in plain integers kept per combination of labels (0.5 us a request; prometheus_client's own counters and
histograms cost 4). prometheus_client, which takes 60 ms to import, comes in when somebody scrapes.

Other packages' figures are read at the scrape, through `add_source`: a function that yields `Sample`s. Nothing is counted twice.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec

from watchcache.distribution import Distribution
from watchcache.http.deprecations import is_deprecated
from watchcache.http.exposition import Family, exposition

# Buckets of the published metrics (kubernetes-api facts): seconds and bytes.
DURATION_BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
)  # fmt: skip
SLI_BUCKETS = DURATION_BUCKETS[2:]
SIZE_BUCKETS = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)

Source = Callable[[], Iterable[Family]]


class RequestKey(NamedTuple):
    """The labels by which requests are told apart, but for the code."""

    verb: str
    dry_run: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str


class RequestRecord(msgspec.Struct):
    """What is counted of the requests of one key."""

    codes: dict[int, int]
    duration: Distribution
    size: Distribution
    running: int = 0  # long-running ones that are open
    # what to add to `duration` to have the time without waiting for a seat; made when somebody has waited
    correction: Distribution | None = None

    def correct(self, seconds: float, waited: float) -> None:
        """Of what was just observed, so much was waiting for a seat."""
        if self.correction is None:
            self.correction = Distribution(DURATION_BUCKETS)
        counts, served = self.correction.counts, max(0.0, seconds - waited)
        counts[bisect_left(DURATION_BUCKETS, seconds)] -= 1
        counts[bisect_left(DURATION_BUCKETS, served)] += 1
        self.correction.sum += served - seconds


class Metrics:
    """All that the HTTP layer counts, and the sources it asks at a scrape."""

    def __init__(self) -> None:
        self._requests: dict[RequestKey, RequestRecord] = {}
        self._sources: list[Source] = []
        self.started = time.time()

    def add_source(self, source: Source) -> None:
        """Ask this function at every scrape."""
        self._sources.append(source)

    def record(self, key: RequestKey) -> RequestRecord:
        """The figures of the requests with these labels."""
        record = self._requests.get(key)
        if record is None:
            record = RequestRecord({}, Distribution(DURATION_BUCKETS), Distribution(SIZE_BUCKETS))
            self._requests[key] = record
        return record

    def text(self) -> bytes:
        """The exposition, format version 0.0.4."""
        return exposition(
            [*self._request_families(), *(family for source in self._sources for family in source())]
        )

    def _request_families(self) -> Iterator[Family]:
        labels = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component")
        total = Family(
            "counter", "apiserver_request_total", "Counter of apiserver requests.", (*labels, "code")
        )
        duration = Family(
            "histogram", "apiserver_request_duration_seconds", "Response latency in seconds.", labels
        )
        undried = tuple(label for label in labels if label != "dry_run")
        sizes = Family("histogram", "apiserver_response_sizes", "Response size in bytes.", undried)
        running = Family("gauge", "apiserver_longrunning_requests", "Active long-running requests.", undried)
        for key, record in self._requests.items():
            values = (*key, "apiserver")
            without = (key.verb, *key[2:], "apiserver")
            for code, count in record.codes.items():
                total.samples.append(((*values, str(code)), count))
            if record.duration:
                duration.samples.append((values, record.duration))
            if record.size:
                sizes.samples.append((without, record.size))
            if record.running:
                running.samples.append((without, record.running))
        return iter((total, duration, sizes, running, self._slis(undried), self._deprecated()))

    def _slis(self, labels: tuple[str, ...]) -> Family:
        """Derived: durations of dry runs and others together, without the time in line, in coarser buckets."""
        name, text = "apiserver_request_sli_duration_seconds", "Response latency without waiting for a seat."
        found: dict[tuple[str, ...], Distribution] = {}
        for key, record in self._requests.items():
            for part in (record.duration, record.correction):
                if not part:
                    continue
                values = (key.verb, *key[2:], "apiserver")
                sli = found.setdefault(values, Distribution(SLI_BUCKETS))
                finer = len(DURATION_BUCKETS) - len(SLI_BUCKETS)
                counts = [sum(part.counts[: finer + 1]), *part.counts[finer + 1 :]]
                sli.counts = [one + other for one, other in zip(sli.counts, counts, strict=True)]
                sli.sum += part.sum
        return Family("histogram", name, text, labels, list(found.items()))

    def _deprecated(self) -> Family:
        """Which deprecated resources have been asked for; none of them has a release in which it goes."""
        name, text = "apiserver_requested_deprecated_apis", "Deprecated APIs that have been requested."
        found = dict.fromkeys(
            (key.group, key.version, key.resource, key.subresource, "")
            for key in self._requests
            if is_deprecated(key.group, key.version, key.resource)
        )
        labels = ("group", "version", "resource", "subresource", "removed_release")
        return Family("gauge", name, text, labels, [(values, 1) for values in found])


def healthcheck_families(
    results: dict[tuple[str, str, str], int], current: dict[tuple[str, str], bool]
) -> list[Family]:
    """`kubernetes_healthcheck` and its counter, from what the health checks have seen."""
    gauge = Family("gauge", "kubernetes_healthcheck", "The result of a single healthcheck.", ("name", "type"))
    gauge.samples.extend((key, int(well)) for key, well in current.items())
    total = Family(
        "counter", "kubernetes_healthchecks_total", "Results of all healthchecks.", ("name", "type", "status")
    )
    total.samples.extend(((name, kind, status), count) for (name, kind, status), count in results.items())
    return [gauge, total]


def inflight_family(reading: int, mutating: int) -> Family:
    """`apiserver_current_inflight_requests`."""
    family = Family("gauge", "apiserver_current_inflight_requests", "Requests in flight.", ("request_kind",))
    family.samples.extend([(("readOnly",), reading), (("mutating",), mutating)])
    return family


def scope_of(namespace: str, name: str, verb: str) -> str:
    """The label `scope`: what part of a resource a request touches."""
    if name or verb == "create":
        return "resource"
    return "namespace" if namespace else "cluster"


__all__ = ["Family", "Metrics", "RequestKey", "Source", "healthcheck_families", "inflight_family", "scope_of"]
