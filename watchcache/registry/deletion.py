"""What a DELETE does to an object: pure decisions, no I/O.

The rules (docs/semantics.md M13-M16, measured on kube-apiserver 1.36.3):

- An object with finalizers is marked (deletionTimestamp, grace 0, generation + 1 the first time) and stays
  until an update leaves it without finalizers. Without finalizers it is removed.
- propagationPolicy and orphanDependents are wishes to the garbage collector, written as the finalizers
  `orphan` and `foregroundDeletion`; at most one of the two is ever there.
- Pods are graceful: deletionTimestamp lies the grace period ahead, and only a shorter grace changes it later.
  A grace of 0 is seen by watchers as a change before the removal: two revisions.
- A namespace is marked without a grace period, and also held by `spec.finalizers`.

Nothing here changes the document it is given: a decision carries a new one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

import msgspec

from watchcache.registry.calls import Document
from watchcache.registry.conditions import condition, with_condition

ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer of definitions of custom resources."""
PENDING: Final = condition(
    "Terminating",
    "True",
    "InstanceDeletionPending",
    "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
)
_FINISHED_PHASES: Final = frozenset({"Succeeded", "Failed"})


class Verdict(Enum):
    """What has to be written."""

    KEEP = "keep"
    """Nothing: it is being deleted already and this request changes nothing."""
    MARK = "mark"
    """The changed document; the object stays."""
    REMOVE = "remove"
    """The deletion."""
    MARK_AND_REMOVE = "mark and remove"
    """The changed document, then the deletion."""


class DeletionRule(msgspec.Struct, frozen=True):
    """How objects of a kind end."""

    graceful: bool = False
    """Whether the kubelet has to finish first (pods)."""
    orphans_by_default: bool = False
    """Whether dependents survive when the client says nothing (Job, ReplicationController)."""
    collected: bool = True
    """Whether the garbage collector looks at its dependents; events have none."""
    namespace: bool = False
    empties: bool = False
    """Whether the objects that it defines go first (definitions of custom resources)."""


class DeletionWish(msgspec.Struct, frozen=True):
    """What the client asked for: DeleteOptions without its preconditions. `grace` is in seconds."""

    grace: int | None = None
    policy: str = ""
    orphan_dependents: bool | None = None


class Decision(msgspec.Struct, frozen=True):
    """The verdict and the document that goes with it (the unchanged one for KEEP and REMOVE)."""

    verdict: Verdict
    document: Document


def decide(document: Document, rule: DeletionRule, wish: DeletionWish, now: float) -> Decision:
    """What a DELETE with `wish` at `now` (unix seconds) does to `document`."""
    finalizers = finalizers_after(document["metadata"].get("finalizers") or [], rule, wish)
    if rule.namespace:
        return _decide_namespace(document, finalizers, now)
    if rule.empties and "deletionTimestamp" not in document["metadata"]:
        return _decide_definition(document, now)
    if rule.graceful:
        return _decide_graceful(document, finalizers, wish, now)
    if not finalizers:
        return Decision(Verdict.REMOVE, document)
    return _marked(document, finalizers, 0, now)


def finalizers_after(finalizers: list[str], rule: DeletionRule, wish: DeletionWish) -> list[str]:
    """The finalizers with the garbage collector's as the wish, the object or the kind has them."""
    kept = [name for name in finalizers if name not in {ORPHAN, FOREGROUND}]
    wanted = _collector_finalizer(finalizers, rule, wish)
    if wanted and wanted in finalizers:
        return finalizers if len(finalizers) == len(kept) + 1 else [*kept, wanted]
    return [*kept, wanted] if wanted else kept


def _collector_finalizer(finalizers: list[str], rule: DeletionRule, wish: DeletionWish) -> str:
    if not rule.collected:
        return ""
    if wish.orphan_dependents is not None:
        return ORPHAN if wish.orphan_dependents else FOREGROUND if rule.namespace else ""
    if wish.policy:
        return {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(wish.policy, "")
    for name in finalizers:
        if name in {ORPHAN, FOREGROUND}:
            return name
    return ORPHAN if rule.orphans_by_default else ""


def _marked(document: Document, finalizers: list[str], grace: int | None, now: float) -> Decision:
    """Mark for deletion `grace` seconds ahead, or keep when it already is and its finalizers stay as they are."""
    old = document["metadata"]
    if "deletionTimestamp" in old:
        if finalizers == (old.get("finalizers") or []):
            return Decision(Verdict.KEEP, document)
        return Decision(Verdict.MARK, _with_metadata(document, finalizers, {}))
    changes: Document = {"deletionTimestamp": timestamp(now + (grace or 0))}
    if grace is not None:
        changes["deletionGracePeriodSeconds"] = grace
    if old.get("generation", 0) > 0:
        changes["generation"] = old["generation"] + 1
    return Decision(Verdict.MARK, _with_metadata(document, finalizers, changes))


def _with_metadata(document: Document, finalizers: list[str], changes: Document) -> Document:
    metadata = {**document["metadata"], **changes}
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    return {**document, "metadata": metadata}


def _decide_graceful(document: Document, finalizers: list[str], wish: DeletionWish, now: float) -> Decision:
    if "deletionTimestamp" in document["metadata"]:
        return _shortened(document, finalizers, wish)
    grace = grace_period(document, wish.grace)
    marked = _marked(document, finalizers, grace, now)
    if grace == 0 and not finalizers:
        return Decision(Verdict.MARK_AND_REMOVE, marked.document)
    return marked


def grace_period(pod: Document, asked: int | None) -> int:
    """Seconds a pod gets: the client's wish, else the pod's own; 0 when no kubelet has anything to stop, 1 for negatives."""
    spec = pod.get("spec") or {}
    period = asked if asked is not None else spec.get("terminationGracePeriodSeconds") or 0
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in _FINISHED_PHASES:
        return 0
    return period if period >= 0 else 1


def _shortened(document: Document, finalizers: list[str], wish: DeletionWish) -> Decision:
    """A later DELETE of a pod: only less grace than it has changes anything."""
    metadata = document["metadata"]
    current = metadata.get("deletionGracePeriodSeconds") or 0
    if current == 0:
        verdict = Verdict.KEEP if finalizers else Verdict.REMOVE
        return Decision(verdict, document)
    wanted = wish.grace if wish.grace is None or wish.grace >= 0 else 1
    if wanted is None or wanted >= current:
        return Decision(Verdict.KEEP, document)
    started = parse_timestamp(metadata["deletionTimestamp"]) - timedelta(seconds=current)
    changes = {
        "deletionTimestamp": _format(started + timedelta(seconds=wanted)),
        "deletionGracePeriodSeconds": wanted,
    }
    verdict = Verdict.MARK_AND_REMOVE if wanted == 0 and not finalizers else Verdict.MARK
    return Decision(verdict, _with_metadata(document, finalizers, changes))


def _decide_definition(document: Document, now: float) -> Decision:
    """The first DELETE of a definition: its instances go first. Neither wishes nor the generation count."""
    held = document["metadata"].get("finalizers") or []
    metadata = {
        **document["metadata"],
        "deletionTimestamp": timestamp(now),
        "finalizers": held if CLEANUP in held else [*held, CLEANUP],
    }
    pending = with_condition(document, PENDING, now)
    return Decision(Verdict.MARK, {**pending, "metadata": metadata})


def _decide_namespace(document: Document, finalizers: list[str], now: float) -> Decision:
    held = (document.get("spec") or {}).get("finalizers")
    if not finalizers and not held:
        return Decision(Verdict.REMOVE, document)
    if held and "deletionTimestamp" in document["metadata"]:
        return Decision(Verdict.KEEP, document)
    decision = _marked(document, finalizers, None, now)
    if "deletionTimestamp" in document["metadata"]:
        return decision
    status = {**(document.get("status") or {}), "phase": "Terminating"}
    return Decision(Verdict.MARK, {**decision.document, "status": status})


def is_finished(document: Document, rule: DeletionRule) -> bool:
    """Whether an update has left an object that nothing holds any more: it is removed in place of the update (M13)."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if rule.namespace:
        return not (document.get("spec") or {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")


def timestamp(seconds: float) -> str:
    """Unix seconds as Kubernetes writes a time: `2026-11-22T02:33:01Z`, fractions cut off."""
    return _format(datetime.fromtimestamp(int(seconds), UTC))


def _format(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """The time that `timestamp` wrote."""
    return datetime.fromisoformat(text)
