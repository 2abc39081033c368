"""Rows of what runs pods: deployments, replica sets, stateful and daemon sets, jobs, pod templates."""

from __future__ import annotations

from typing import Any

from watchcache.api.printers.durations import age, human_duration, seconds_of, since
from watchcache.api.printers.fields import (
    ERROR,
    NONE,
    Document,
    Printer,
    at,
    block,
    condition,
    containers,
    controller,
    labels_line,
    name,
    number,
    rows,
    selector_line,
    shown,
    text,
)


def deployment(document: Document, now: float) -> list[Any]:
    """Name, ready, up to date, available, age, containers, images, selector."""
    status = block(document, "status")
    return [
        name(document),
        f"{number(status, 'readyReplicas')}/{number(document, 'spec', 'replicas')}",
        number(status, "updatedReplicas"),
        number(status, "availableReplicas"),
        age(document, now),
        *_template(document),
        _selection(block(document, "spec", "selector")),
    ]


def _selection(selector: Document) -> str:
    """As the other kinds' selector, but for the words of what selects everything and of what is none."""
    line = selector_line(selector)
    return {NONE: "", ERROR: "<invalid>"}.get(line, line)


def replica_set(document: Document, now: float) -> list[Any]:
    """Name, desired, current, ready, age, containers, images, selector."""
    return [
        *_replicas(document, now),
        *_template(document),
        selector_line(block(document, "spec", "selector")),
    ]


def replication_controller(document: Document, now: float) -> list[Any]:
    """As a replica set; the selector is a map of labels."""
    return [*_replicas(document, now), *_template(document), labels_line(block(document, "spec", "selector"))]


def stateful_set(document: Document, now: float) -> list[Any]:
    """Name, ready, age, containers, images."""
    ready = f"{number(document, 'status', 'readyReplicas')}/{number(document, 'spec', 'replicas')}"
    return [name(document), ready, age(document, now), *_template(document)]


_DAEMON_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


def daemon_set(document: Document, now: float) -> list[Any]:
    """Name, desired, current, ready, up to date, available, node selector, age, containers, images, selector."""
    return [
        name(document),
        *(number(document, "status", count) for count in _DAEMON_COUNTS),
        labels_line(block(document, "spec", "template", "spec", "nodeSelector")),
        age(document, now),
        *_template(document),
        selector_line(block(document, "spec", "selector")),
    ]


def job(document: Document, now: float) -> list[Any]:
    """Name, status, completions, duration, age, containers, images, selector."""
    return [
        name(document),
        _job_status(document),
        _completions(document),
        _job_duration(block(document, "status"), now),
        age(document, now),
        *_template(document),
        selector_line(block(document, "spec", "selector")),
    ]


def cron_job(document: Document, now: float) -> list[Any]:
    """Name, schedule, time zone, suspended, active, last schedule, age, containers, images, selector."""
    spec = block(document, "spec")
    last = at(document, "status", "lastScheduleTime")
    return [
        name(document),
        text(spec, "schedule"),
        text(spec, "timeZone") or NONE,
        shown(at(spec, "suspend")).capitalize(),
        len(rows(document, "status", "active")),
        since(last, now) if last else NONE,
        age(document, now),
        *_template(block(spec, "jobTemplate")),
        selector_line(block(spec, "jobTemplate", "spec", "selector")),
    ]


def pod_template(document: Document, now: float) -> list[Any]:  # noqa: ARG001 - a Printer
    """Name, containers, images, labels of the pods."""
    labels = labels_line(block(document, "template", "metadata", "labels"))
    return [name(document), *containers(block(document, "template", "spec")), labels]


def controller_revision(document: Document, now: float) -> list[Any]:
    """Name, controller, revision, age."""
    return [name(document), controller(document), number(document, "revision"), age(document, now)]


def scale(document: Document, now: float) -> list[Any]:
    """Name, desired, available, age."""
    desired, available = number(document, "spec", "replicas"), number(document, "status", "replicas")
    return [name(document), desired, available, age(document, now)]


def _template(document: Document) -> tuple[str, str]:
    return containers(block(document, "spec", "template", "spec"))


def _replicas(document: Document, now: float) -> list[Any]:
    status = block(document, "status")
    desired = number(document, "spec", "replicas")
    return [
        name(document),
        desired,
        number(status, "replicas"),
        number(status, "readyReplicas"),
        age(document, now),
    ]


# the first condition that is true names the job's state; a deletion comes after the final ones
_FINAL = (("Complete", "Complete"), ("Failed", "Failed"))
_PASSING = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _job_status(document: Document) -> str:
    deleted = at(document, "metadata", "deletionTimestamp") is not None
    for kind, word in _FINAL:
        if _is_true(document, kind):
            return word
    if deleted:
        return "Terminating"
    return next((word for kind, word in _PASSING if _is_true(document, kind)), "Running")


def _is_true(document: Document, kind: str) -> bool:
    return text(condition(document, kind) or {}, "status") == "True"


def _completions(document: Document) -> str:
    succeeded = number(document, "status", "succeeded")
    wanted, parallelism = at(document, "spec", "completions"), number(document, "spec", "parallelism")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(status: Document, now: float) -> str:
    started, ended = seconds_of(at(status, "startTime")), seconds_of(at(status, "completionTime"))
    if started is None:
        return ""
    return human_duration((now if ended is None else ended) - started)


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "PodTemplate"): pod_template,
    ("", "ReplicationController"): replication_controller,
    ("apps", "ControllerRevision"): controller_revision,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "Deployment"): deployment,
    ("apps", "ReplicaSet"): replica_set,
    ("apps", "StatefulSet"): stateful_set,
    ("autoscaling", "Scale"): scale,
    ("batch", "CronJob"): cron_job,
    ("batch", "Job"): job,
}
