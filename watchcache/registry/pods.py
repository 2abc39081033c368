"""What is done to a pod through paths of its own: binding it to a node, evicting it.

Sources: golden exchanges 120-124; k/k pkg/registry/core/pod/storage/{storage,eviction}.go.
"""

from __future__ import annotations

from typing import Final

import msgspec

from watchcache.admission import topology_labels
from watchcache.api import status
from watchcache.api.options import DeleteOptions
from watchcache.api.status import GroupKind
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.delete import check_preconditions, delete
from watchcache.registry.deletion import timestamp
from watchcache.registry.disruption import spend_budget
from watchcache.registry.store import Store, head_of, not_found, read_modify_write

_FINISHED: Final = frozenset({"Succeeded", "Failed"})


def _created() -> Outcome:
    return Outcome(201, document=status.success(code=201))


async def bind(store: Store, call: Call, binding: Document) -> Outcome:
    """Give a pod its node, once; labels and annotations of the binding are added to the pod's."""
    metadata = binding.get("metadata") or {}
    if metadata.get("name") != call.name:
        raise status.bad_request("name in URL does not match name in Binding object")
    target = binding.get("target") or {}
    if target.get("kind", "") not in {"", "Node"}:
        text = f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        raise status.untyped(text)
    if not target.get("name"):
        raise status.untyped("target.name: Required value")

    async def modify(pod: Document, revision: int) -> Document:
        del revision
        _check_bindable(pod, call.name, metadata)
        labels = topology_labels(store.node_labels(target["name"])) if target.get("kind") else {}
        return _bound(pod, target["name"], metadata, labels, store.clock())

    await read_modify_write(store, call, modify)
    return _created()


def _check_bindable(pod: Document, name: str, metadata: Document) -> None:
    problem = ""
    uid = metadata.get("uid")
    if uid and uid != pod["metadata"].get("uid"):
        problem = status.unmet("UID", uid, pod["metadata"].get("uid"))
    elif "deletionTimestamp" in pod["metadata"]:
        problem = f"pod {name} is being deleted, cannot be assigned to a host"
    elif (pod.get("spec") or {}).get("nodeName"):
        problem = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    elif (pod.get("spec") or {}).get("schedulingGates"):
        problem = f"pod {name} has non-empty .spec.schedulingGates"
    if problem:
        raise status.conflict(GroupKind("", "pods/binding"), name, problem)


def _bound(pod: Document, node: str, metadata: Document, topology: dict[str, str], now: float) -> Document:
    own = dict(pod["metadata"])
    added = {
        "labels": {**(metadata.get("labels") or {}), **topology},
        "annotations": metadata.get("annotations"),
    }
    for member, values in added.items():
        if values:
            own[member] = {**(own.get(member) or {}), **values}
    scheduled = {"type": "PodScheduled", "status": "True"}
    state = with_condition(pod.get("status") or {}, scheduled, now)
    state.pop("nominatedNodeName", None)  # a wish of the scheduler's that is settled now
    return {
        **pod,
        "metadata": own,
        "spec": {**pod["spec"], "nodeName": node},
        "status": state,
    }


def with_condition(state: Document, condition: Document, now: float) -> Document:
    """A pod's status with a condition set; its transition time moves only with its status."""
    conditions = list(state.get("conditions") or ())
    written: Document = {
        "type": condition["type"],
        "status": condition["status"],
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
        **{name: condition[name] for name in ("reason", "message") if name in condition},
    }
    for index, known in enumerate(conditions):
        if known.get("type") == condition["type"]:
            if known.get("status") == condition["status"]:
                written["lastTransitionTime"] = known.get("lastTransitionTime")
            conditions[index] = written  # without the reason of the old one
            break
    else:
        conditions.append(written)
    return {**state, "conditions": conditions}


async def evict(store: Store, call: Call, eviction: Document, options: DeleteOptions) -> Outcome:
    """Delete a pod, if the budgets that cover it allow a disruption."""
    if (eviction.get("metadata") or {}).get("name") != call.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    head = await head_of(store, call.key)
    if head is None:
        raise not_found(call)
    pod = store.document(call.resource, head.value)
    pod_call = _of_pod(call)
    if _counts(pod):
        await spend_budget(store, call, pod)
    if not pod_call.dry_run:
        options = await _mark_disrupted(store, pod_call, options)
    await delete(store, pod_call, options, judged=True)
    return _created()


def _of_pod(call: Call) -> Call:
    return Call(call.resource, call.user, "delete", call.namespace, call.name, dry_run=call.dry_run)


def _counts(pod: Document) -> bool:
    """Whether taking the pod away disrupts anything: not one that is over, going, or has not started."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in _FINISHED and "deletionTimestamp" not in pod["metadata"]


async def _mark_disrupted(store: Store, call: Call, options: DeleteOptions) -> DeleteOptions:
    """Say in the pod's status why it goes, if it is the pod that is meant; the options to delete what it is then."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }

    async def modify(pod: Document, revision: int) -> Document:
        check_preconditions(call, pod, revision, options)
        return {**pod, "status": with_condition(pod.get("status") or {}, condition, store.clock())}

    marked = await read_modify_write(store, call, modify)
    if options.resource_version is None:
        return options
    revision = store.document(call.resource, marked)["metadata"]["resourceVersion"]
    return msgspec.structs.replace(options, resource_version=revision)
