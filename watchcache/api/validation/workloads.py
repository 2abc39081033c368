"""Controllers of pods: a workload selects the pods of its template, and goes on selecting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.meta import label_causes
from watchcache.api.status import Cause
from watchcache.api.validation.claims import claim_causes
from watchcache.api.validation.pods import template_causes
from watchcache.api.validation.rules import (
    Document,
    Rule,
    amount,
    annotation_keys,
    not_negative,
    one_of,
    well_named,
)
from watchcache.api.validation.selectors import selector_causes, selects

_NOT_SELECTED: Final = "`selector` does not match template `labels`"
_TEMPLATE: Final = "spec.template"
_STATEFUL_SET_MAY_CHANGE: Final = frozenset(
    {
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    }
)  # fmt: skip
_STATEFUL_SET_CHANGES: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def _deployment(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from not_negative(spec, ["replicas"], "spec")
    yield from _selected(spec, "deployment", "ReplicaSet", "invalid label selector")
    yield from _strategy(spec.get("strategy") or {})
    yield from not_negative(spec, ["minReadySeconds", "revisionHistoryLimit"], "spec")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        yield from not_negative(spec, ["progressDeadlineSeconds"], "spec")
        if deadline <= (spec.get("minReadySeconds") or 0):
            yield causes.invalid(
                "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
            )
    yield from _same_selector(spec, old)


def _strategy(strategy: Document) -> Iterator[Cause]:
    rolling, kind = strategy.get("rollingUpdate"), strategy.get("type")
    field = "spec.strategy.rollingUpdate"
    if kind == "Recreate":
        if rolling is not None:
            text = "may not be specified when strategy `type` is 'Recreate'"
            yield causes.forbidden(field, text)
    elif kind != "RollingUpdate":
        shown = _as_go(strategy, "maxUnavailable", "maxSurge")
        yield causes.not_supported("spec.strategy", shown, ("Recreate", "RollingUpdate"))
    elif rolling is not None:
        for member in ("maxUnavailable", "maxSurge"):
            yield from amount(rolling.get(member), f"{field}.{member}")
        if rolling.get("maxUnavailable") == 0 and rolling.get("maxSurge") == 0:
            yield causes.invalid(f"{field}.maxUnavailable", 0, "may not be 0 when `maxSurge` is 0")


def _replica_set(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from not_negative(spec, ["replicas", "minReadySeconds"], "spec")
    # kube-apiserver names the wrong kind here, and so do we.
    yield from _selected(spec, "deployment", "ReplicaSet", "invalid label selector")
    yield from _same_selector(spec, old)


def _daemon_set(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    yield from _same_selector(spec, old)
    yield from _selected(spec, "daemonset", "DaemonSet", None, required=False)
    yield from not_negative(spec, ["minReadySeconds", "revisionHistoryLimit"], "spec")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in {"RollingUpdate", "OnDelete"}:
        shown = _as_go(strategy, "maxUnavailable", "maxSurge")
        yield causes.not_supported("spec.updateStrategy", shown, ("RollingUpdate", "OnDelete"))
    else:
        rolling = strategy.get("rollingUpdate") or {}
        yield from _rolling_daemons(rolling, "spec.updateStrategy.rollingUpdate")


def _rolling_daemons(rolling: Document, path: str) -> Iterator[Cause]:
    """A node's daemon is replaced after it has gone or beside it, not both."""
    missing, more = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    yield from amount(missing, f"{path}.maxUnavailable")
    yield from amount(more, f"{path}.maxSurge")
    some_missing, some_more = (value not in {None, 0, "0%"} for value in (missing, more))
    if missing is not None and not some_missing and not some_more:
        yield causes.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    elif some_missing and some_more:
        text = "may not be set when maxUnavailable is non-zero"
        yield causes.invalid(f"{path}.maxSurge", more, text)


def _stateful_set(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    policy, strategy = spec.get("podManagementPolicy"), spec.get("updateStrategy") or {}
    if policy not in {"OrderedReady", "Parallel"}:
        yield causes.invalid("spec.podManagementPolicy", policy or "", "must be 'OrderedReady' or 'Parallel'")
    if strategy.get("type") not in {"RollingUpdate", "OnDelete"}:
        shown = _as_go(strategy, "partition", "maxUnavailable")
        yield causes.invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")
    rolling = strategy.get("rollingUpdate") or {}
    yield from not_negative(rolling, ["partition"], "spec.updateStrategy.rollingUpdate")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for member in ("whenDeleted", "whenScaled"):
        field = f"spec.persistentVolumeClaimRetentionPolicy.{member}"
        yield from one_of(retention.get(member), ("Retain", "Delete"), field)
    before = (old or {}).get("spec") or {}
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or () if old is None else ()):
        yield from claim_causes(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    yield from not_negative(spec, ["replicas", "minReadySeconds"], "spec")
    yield from not_negative(spec.get("ordinals") or {}, ["start"], "spec.ordinals")
    if old is None:
        yield from well_named(spec.get("serviceName") or "", names.label, "spec.serviceName")
    yield from _selected(_with_claims(spec), "statefulset", "StatefulSet", "")
    metadata = (spec.get("template") or {}).get("metadata") or {}  # kube-apiserver looks twice
    yield from label_causes(metadata.get("labels"), f"{_TEMPLATE}.labels")
    yield from annotation_keys(metadata.get("annotations"), f"{_TEMPLATE}.annotations")
    if old is not None and _fixed(spec) != _fixed(before):
        yield causes.forbidden("spec", _STATEFUL_SET_CHANGES)


def _as_go(strategy: Document, *members: str) -> Document:
    """A strategy as messages show it."""
    rolling = strategy.get("rollingUpdate")
    shown = rolling and {f"{member[0].upper()}{member[1:]}": rolling.get(member) for member in members}
    return {"Type": strategy.get("type", ""), "RollingUpdate": shown}


def _with_claims(spec: Document) -> Document:
    """The spec with a volume for each claim template, as its pods will have them; a volume of that name gives way."""
    templates = spec.get("volumeClaimTemplates") or ()
    claims = list(dict.fromkeys((claim.get("metadata") or {}).get("name") or "" for claim in templates))
    template = spec.get("template") or {}
    if not claims or not template.get("spec"):
        return spec
    pod = template["spec"]
    volumes = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
    volumes += [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims]
    return {**spec, "template": {**template, "spec": {**pod, "volumes": volumes}}}


def _fixed(spec: Document) -> Document:
    return {name: value for name, value in spec.items() if name not in _STATEFUL_SET_MAY_CHANGE}


def _controller(new: Document, old: Document | None) -> Iterator[Cause]:
    """A replication controller's selector is a plain map, and may change."""
    del old
    spec = new.get("spec") or {}
    yield from not_negative(spec, ["minReadySeconds"], "spec")
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        yield causes.required("spec.selector")
    yield from not_negative(spec, ["replicas"], "spec")
    if template is None:
        yield causes.required(_TEMPLATE)
        return
    found = (template.get("metadata") or {}).get("labels")
    if any((found or {}).get(key) != value for key, value in selector.items()):
        yield causes.invalid("spec.template.metadata.labels", found, _NOT_SELECTED)
    yield from _lasting_template(template, "ReplicationController")


def _selected(
    spec: Document, kind: str, owner: str, unusable: str | None, *, required: bool = True
) -> Iterator[Cause]:
    """Selector and template; `unusable` is what is said besides of a selector that has faults (None: nothing)."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    faults: list[Cause] = []
    if selector is None:
        if required:
            yield causes.required("spec.selector")
    else:
        faults = list(selector_causes(selector, "spec.selector"))
        yield from faults
        if not selector:
            yield causes.invalid("spec.selector", {}, f"empty selector is invalid for {kind}")
    if faults and unusable is not None:
        yield causes.invalid("spec.selector", selector, unusable)
    elif not faults and selector != {}:
        found = (template.get("metadata") or {}).get("labels")
        if not selects(selector or {}, found):
            yield causes.invalid("spec.template.metadata.labels", found, _NOT_SELECTED)
    if not faults or unusable is None:
        yield from _lasting_template(template, owner)


def _lasting_template(template: Document, owner: str) -> Iterator[Cause]:
    """The template of pods that are replaced when they end."""
    yield from template_causes(template, _TEMPLATE)
    spec = template.get("spec") or {}
    yield from one_of(spec.get("restartPolicy"), ("Always",), f"{_TEMPLATE}.spec.restartPolicy")
    if spec.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {owner} is not Supported"
        yield causes.forbidden(f"{_TEMPLATE}.spec.activeDeadlineSeconds", text)


def _same_selector(spec: Document, old: Document | None) -> Iterator[Cause]:
    if old is not None and spec.get("selector") != (old.get("spec") or {}).get("selector"):
        yield causes.immutable("spec.selector", spec.get("selector"))


# --- status: none of the counts exceeds that of all replicas ---


def _counts(checked: Sequence[str], parts: Sequence[str]) -> Rule:
    def rule(new: Document, _old: Document | None) -> Iterator[Cause]:
        status = new.get("status") or {}
        yield from not_negative(status, checked, "status")
        replicas = status.get("replicas") or 0
        for part in parts:
            number = status.get(part) or 0
            if number > replicas:
                yield causes.invalid(f"status.{part}", number, "cannot be greater than status.replicas")
        available = status.get("availableReplicas") or 0
        if "availableReplicas" in parts and available > (status.get("readyReplicas") or 0):
            yield causes.invalid(
                "status.availableReplicas", available, "cannot be greater than readyReplicas"
            )

    return rule


_READY: Final = ("readyReplicas", "availableReplicas")

RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "replicationcontrollers"): _controller,
    ("apps", "daemonsets"): _daemon_set,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("apps", "statefulsets"): _stateful_set,
}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {
    ("", "replicationcontrollers"): _counts(
        ("replicas", "fullyLabeledReplicas", *_READY, "observedGeneration"), ("fullyLabeledReplicas", *_READY)
    ),
    ("apps", "deployments"): _counts(
        (
            "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
            "unavailableReplicas", "collisionCount",
        ),
        ("updatedReplicas", *_READY),
    ),
    ("apps", "replicasets"): _counts(
        ("replicas", "fullyLabeledReplicas", *_READY, "observedGeneration"), ("fullyLabeledReplicas", *_READY)
    ),
    ("apps", "statefulsets"): _counts(
        ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "observedGeneration"),
        ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
    ),
}  # fmt: skip
