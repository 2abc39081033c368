"""Disruption budgets: what an eviction may take from the pods that a budget covers.

A budget's controller counts healthy pods and writes how many disruptions it allows; an eviction takes one
of them, in the budget's own status, before the pod is deleted. Two evictions at once cannot take
the same one: each is a read-modify-write of the budget.

Texts measured on kube-apiserver 1.36.3; rules: k/k pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from watchcache.api import status
from watchcache.api.label_selector import selector_text
from watchcache.api.selectors import parse_labels
from watchcache.api.status import Cause, StatusError
from watchcache.registry.calls import Call, Document
from watchcache.registry.deletion import timestamp
from watchcache.registry.store import Store, read_modify_write

_REFUSED: Final = "Cannot evict pod as it would violate the pod's disruption budget."
_STILL_PROCESSING_RETRY: Final = 10
_MOST_PENDING_DISRUPTIONS: Final = 2000
"""More pods than this waiting for their end mean that the budget's controller does not keep up."""


async def spend_budget(store: Store, call: Call, pod: Document) -> None:
    """Take one disruption from the budget that covers the pod, if one does; 429 when it has none left."""
    if (pod.get("status") or {}).get("phase") == "Pending":
        return
    covering = [budget for budget in _budgets(store, call) if covers(budget, pod)]
    if not covering:
        return
    if len(covering) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise status.untyped(text)
    if not _is_ready(pod) and _lets_unready_go(covering[0]):
        return
    now = timestamp(store.clock())

    async def modify(budget: Document, revision: int) -> Document:
        del revision
        return spent(budget, call.name, now)

    await read_modify_write(store, _budget_call(store, call, covering[0]["metadata"]["name"]), modify)


def _is_ready(pod: Document) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _lets_unready_go(budget: Document) -> bool:
    """Whether a pod that is not ready may go without taking anything from the budget, which counts the ready ones."""
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    state = budget.get("status") or {}
    wanted = state.get("desiredHealthy", 0)
    return bool(state.get("currentHealthy", 0) >= wanted > 0)


def _budgets(store: Store, call: Call) -> Iterator[Document]:
    resource = _budget_call(store, call, "").resource
    for _, head in store.log_of(f"{resource.storage_prefix}/").heads(
        f"{resource.storage_prefix}/{call.namespace}/"
    ):
        yield store.document(resource, head.value)


def _budget_call(store: Store, call: Call, name: str) -> Call:
    resource = store.catalog.of_kind("policy", "v1", "PodDisruptionBudget")
    assert resource is not None, "the catalog has the budgets"
    return Call(resource, call.user, "update", call.namespace, name, dry_run=call.dry_run)


def covers(budget: Document, pod: Document) -> bool:
    """Whether the budget's selector selects the pod; an empty one selects all, none selects nothing."""
    selector = (budget.get("spec") or {}).get("selector")
    if selector is None:
        return False
    return parse_labels(selector_text(selector)).matches(pod["metadata"].get("labels") or {})


def spent(budget: Document, pod: str, now: str) -> Document:
    """The budget after one more disruption; raises StatusError 429 when it allows none."""
    metadata, state = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if state.get("observedGeneration", 0) < metadata.get("generation", 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise _refused(text, _STILL_PROCESSING_RETRY)
    disrupted = state.get("disruptedPods") or {}
    if len(disrupted) > _MOST_PENDING_DISRUPTIONS:
        raise _refused(f"The disruption budget {name} has too many evictions not confirmed by the server.", 0)
    allowed = state.get("disruptionsAllowed", 0)
    if allowed <= 0:
        wanted, healthy = state.get("desiredHealthy", 0), state.get("currentHealthy", 0)
        raise _refused(
            f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently", 0
        )
    left = {**state, "disruptionsAllowed": allowed - 1, "disruptedPods": {**disrupted, pod: now}}
    if allowed == 1:
        left["conditions"] = _exhausted(state.get("conditions") or [], metadata.get("generation", 0), now)
    return {**budget, "status": left}


def _exhausted(conditions: list[Document], generation: int, now: str) -> list[Document]:
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "observedGeneration": generation,
        "lastTransitionTime": now,
        "reason": "InsufficientPods",
        "message": "",
    }
    return [*(known for known in conditions if known.get("type") != "DisruptionAllowed"), condition]


def _refused(message: str, retry_after: int) -> StatusError:
    details: dict[str, Any] = {"causes": [Cause("DisruptionBudget", message).body()]}
    headers = {}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
        headers["Retry-After"] = str(retry_after)
    return StatusError(429, "TooManyRequests", _REFUSED, details, headers)
