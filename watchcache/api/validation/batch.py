"""Jobs, and the cron jobs that make them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.job_policies import failure_causes, success_causes
from watchcache.api.validation.job_updates import change_causes
from watchcache.api.validation.pods import template_causes
from watchcache.api.validation.rules import Document, Rule, domain_prefixed, not_negative, one_of
from watchcache.api.validation.selectors import selects

_COUNTS: Final = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished", "backoffLimitPerIndex",
    "maxFailedIndexes",
)  # fmt: skip
_MOST_PODS: Final = 100_000
_MOST_AT_ONCE: Final = 10_000
_LONGEST_MANAGER: Final = 63
_CRON_COUNTS: Final = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
_SCHEDULE_FIELDS: Final = 5
_ZONE_PART: Final = re.compile(r"[A-Za-z.\-_0-9+]{1,14}", re.ASCII)


def _job(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is None:
        yield from _job_spec(spec, "spec")
        return
    before = old.get("spec") or {}
    if spec != before:
        yield from _own_labels(new)
        for _ in range(2):  # kube-apiserver looks twice
            yield from _job_spec(spec, "spec")
            yield from _selected(spec)
        yield from change_causes(spec, before)


def _own_labels(job: Document) -> Iterator[Cause]:
    """The labels by which a job finds its pods, if it was not told otherwise."""
    spec, metadata = job.get("spec") or {}, job["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    for prefix in ("", "batch.kubernetes.io/"):
        for name, member in (("controller-uid", "uid"), ("job-name", "name")):
            key = f"{prefix}{name}"
            if labels.get(key) != metadata.get(member):
                field, text = f"spec.template.metadata.labels[{key}]", f"must be '{metadata.get(member)}'"
                if key in labels:
                    yield causes.invalid(field, labels, text)
                else:
                    yield causes.required(field, text)


def _selected(spec: Document) -> Iterator[Cause]:
    """A job that is there goes on selecting the pods of its template."""
    selector = spec.get("selector")
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if selector is None:
        yield causes.required("spec.selector")
    if not selects(selector or {}, found):
        text = "`selector` does not match template `labels`"
        yield causes.invalid("spec.template.metadata.labels", found, text)


def _job_spec(spec: Document, path: str) -> Iterator[Cause]:
    yield from not_negative(spec, _COUNTS, path)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield causes.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    manager = spec.get("managedBy")
    if manager is not None:
        yield from domain_prefixed(manager, f"{path}.managedBy")
        if len(manager.encode()) > _LONGEST_MANAGER:
            yield causes.too_long(f"{path}.managedBy", _LONGEST_MANAGER)
    yield from _mode(spec, path)
    if spec.get("podFailurePolicy") is not None:
        yield from failure_causes(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        yield from success_causes(spec, f"{path}.successPolicy")
    replaced = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    yield from one_of(spec.get("podReplacementPolicy"), replaced, f"{path}.podReplacementPolicy")
    template = spec.get("template") or {}
    yield from template_causes(template, f"{path}.template")
    yield from _restarts(spec, (template.get("spec") or {}).get("restartPolicy", "Always"), path)


def _mode(spec: Document, path: str) -> Iterator[Cause]:
    """Whether the pods are numbered, and what only numbered ones have."""
    mode, completions = spec.get("completionMode"), spec.get("completions")
    failed, parallel = spec.get("maxFailedIndexes"), spec.get("parallelism")
    yield from one_of(mode, ("NonIndexed", "Indexed"), f"{path}.completionMode")
    if mode in {None, "NonIndexed"}:
        for member in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(member) is not None:
                yield causes.invalid(f"{path}.{member}", spec[member], "requires indexed completion mode")
    elif mode == "Indexed":
        if completions is None:
            yield causes.required(f"{path}.completions", "when completion mode is Indexed")
        if parallel is not None and parallel > _MOST_PODS:
            text = f"must be less than or equal to {_MOST_PODS} when completion mode is Indexed"
            yield causes.invalid(f"{path}.parallelism", parallel, text)
        if failed is not None and completions is not None and failed > completions:
            text = "must be less than or equal to completions"
            yield causes.invalid(f"{path}.maxFailedIndexes", failed, text)
        if failed is not None and failed > _MOST_PODS:
            text = f"must be less than or equal to {_MOST_PODS}"
            yield causes.invalid(f"{path}.maxFailedIndexes", failed, text)
        if (
            completions is not None
            and completions > _MOST_PODS
            and spec.get("backoffLimitPerIndex") is not None
        ):
            yield from _many(failed, parallel, path)


def _many(failed: int | None, parallel: int | None, path: str) -> Iterator[Cause]:
    """What holds for a job of very many pods, each of which may fail."""
    if failed is None:
        text = f"must be specified when completions is above {_MOST_PODS}"
        yield causes.required(f"{path}.maxFailedIndexes", text)
    for member, value in (("parallelism", parallel), ("maxFailedIndexes", failed)):
        if value is not None and value > _MOST_AT_ONCE:
            text = (
                f"must be less than or equal to {_MOST_AT_ONCE} when completions are above {_MOST_PODS} "
                "and used with backoff limit per index"
            )
            yield causes.invalid(f"{path}.{member}", value, text)


def _restarts(spec: Document, policy: str, path: str) -> Iterator[Cause]:
    """Pods that are started again for ever never finish a job; the default does just that."""
    field = f"{path}.template.spec.restartPolicy"
    if policy == "Always":
        yield causes.required(field, 'valid values: "OnFailure", "Never"')
    elif policy not in {"OnFailure", "Never"}:
        yield causes.not_supported(field, policy, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        yield causes.invalid(field, policy, text)


def _cron_job(new: Document, old: Document | None) -> Iterator[Cause]:
    spec, before = (document.get("spec") or {} for document in (new, old or {}))
    yield from _schedule(spec.get("schedule") or "")
    zone = spec.get("timeZone")
    if zone is not None and (old is None or zone != before.get("timeZone")):
        yield from _time_zone(zone)
    yield from not_negative(spec, _CRON_COUNTS[:1], "spec")
    yield from one_of(spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"), "spec.concurrencyPolicy")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    yield from _job_spec(job, "spec.jobTemplate.spec")
    yield from not_negative(spec, _CRON_COUNTS[1:], "spec")


def _schedule(schedule: str) -> Iterator[Cause]:
    """How many parts a schedule has; what they mean is the controller's to know."""
    fields = schedule.split()
    if not schedule:
        yield causes.required("spec.schedule")
    elif "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield causes.invalid("spec.schedule", schedule, text)
    elif not schedule.startswith("@") and len(fields) != _SCHEDULE_FIELDS:
        text = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield causes.invalid("spec.schedule", schedule, text)


def _time_zone(zone: str) -> Iterator[Cause]:
    """The name of a zone. On a machine that knows no zones only its form counts."""
    if not zone:
        yield causes.invalid("spec.timeZone", "", "timeZone must be nil or non-empty string")
    elif not all(map(_is_part_of_a_zone, zone.split("/"))):
        yield causes.invalid("spec.timeZone", zone, f"unknown time zone {zone}")
    elif zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield causes.invalid("spec.timeZone", zone, text)
        if zone != "Local":
            yield causes.invalid("spec.timeZone", zone, f"unknown time zone {zone}")
    elif not _is_known(zone) and _is_known("Etc/UTC"):
        yield causes.invalid("spec.timeZone", zone, f"unknown time zone {zone}")


def _is_part_of_a_zone(part: str) -> bool:
    return _ZONE_PART.fullmatch(part) is not None and part not in {".", ".."} and not part.startswith("-")


def _is_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


RULES: Final[dict[tuple[str, str], Rule]] = {("batch", "jobs"): _job, ("batch", "cronjobs"): _cron_job}
