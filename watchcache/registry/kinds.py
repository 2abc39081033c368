"""What is special about each kind when it is written: one row per kind, and small functions without I/O.

Sources: docs/semantics.md M13-M17 and the golden exchanges 0-43 (measured), and k/k pkg/registry/*/*/strategy.go.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final

from watchcache.api.catalog import Resource
from watchcache.api.custom.structural import storage_version
from watchcache.api.quality import quality_of_service
from watchcache.registry import data_sources, devices, services, signing
from watchcache.registry.calls import Document
from watchcache.registry.deletion import DeletionRule, timestamp
from watchcache.registry.label_keys import merge_label_keys
from watchcache.registry.strategy import Preparation, Strategy, restore

_ALL_METADATA: Final = frozenset({"labels", "annotations", "finalizers", "ownerReferences"})


def strategy_of(resource: Resource) -> Strategy:
    """The row of a kind; the plain one for kinds without."""
    if not resource.builtin:
        return _CUSTOM
    return _STRATEGIES.get((resource.storage.group, resource.plural), _PLAIN)


# --- pods ---


def _create_pod(preparation: Preparation) -> None:
    document = preparation.document
    spec = document.get("spec") or {}
    state: Document = {"phase": "Pending", "qosClass": quality_of_service(spec)}
    if spec.get("schedulingGates"):  # no scheduler will look at it, so the server says why it waits
        state["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": timestamp(preparation.now),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]
    document["status"] = state
    if "affinity" in spec or "topologySpreadConstraints" in spec:
        merge_label_keys(spec, document["metadata"].get("labels") or {})
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1


def _pod_status(preparation: Preparation) -> None:
    """The class that a pod was given at its creation is not lost when a status leaves it out."""
    assert preparation.old is not None
    state = preparation.document.get("status") or {}
    known = (preparation.old.get("status") or {}).get("qosClass")
    if known and not state.get("qosClass"):
        preparation.document["status"] = {**state, "qosClass": known}


# --- nodes, namespaces ---


def _create_namespace(preparation: Preparation) -> None:
    """Born active, held by the finalizer of the namespace controller, with its name as a label to select by."""
    document = preparation.document
    spec = document.setdefault("spec", {}) or {}
    finalizers = list(spec.get("finalizers") or ())
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    document["spec"] = {**spec, "finalizers": finalizers}
    document["status"] = {"phase": "Active"}
    _label_namespace(preparation)


def _update_namespace(preparation: Preparation) -> None:
    """spec.finalizers change through /finalize only; the label with the name cannot be lost."""
    assert preparation.old is not None
    restore(preparation.document, preparation.old, "spec")
    _label_namespace(preparation)


def _label_namespace(preparation: Preparation) -> None:
    metadata = preparation.document["metadata"]
    name = metadata.get("name")
    if name:
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": name}


# --- services ---


def _allocate(preparation: Preparation) -> None:
    services.allocate(preparation.document, preparation.old, preparation.reservation)


# --- workloads ---


def _create_daemon_set(preparation: Preparation) -> None:
    """The annotation that clients before apps/v1 read the template's generation from."""
    metadata = preparation.document["metadata"]
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {"deprecated.daemonset.template.generation": "1", **annotations}


def _update_daemon_set(preparation: Preparation) -> None:
    new, old = preparation.document, preparation.old
    assert old is not None
    key = "deprecated.daemonset.template.generation"
    before = (old["metadata"].get("annotations") or {}).get(key, "0")
    spec, old_spec = new.get("spec") or {}, old.get("spec") or {}
    same = spec.get("template") == old_spec.get("template")
    number = int(before) if before.isdigit() else 0
    annotations = new["metadata"].get("annotations") or {}
    new["metadata"]["annotations"] = {**annotations, key: str(number if same else number + 1)}


_JOB_UID: Final = "batch.kubernetes.io/controller-uid"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"


def _create_job(preparation: Preparation) -> None:
    """A job that does not select its pods itself selects them by its uid (spec.manualSelector is false)."""
    document = preparation.document
    spec = document.setdefault("spec", {})
    if spec.get("manualSelector"):
        return
    uid, name = document["metadata"]["uid"], document["metadata"].get("name", "")
    labels = {_JOB_UID: uid, _JOB_NAME: name, "controller-uid": uid, "job-name": name}
    template = spec.setdefault("template", {})
    metadata = template.get("metadata") or {}
    template["metadata"] = {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}
    # A Job without labels shows those of its template; they were copied after they had been set there.
    if not document["metadata"].get("labels"):
        document["metadata"]["labels"] = dict(template["metadata"]["labels"])
    selector = spec.get("selector") or {}
    matched = {_JOB_UID: uid}
    spec["selector"] = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **matched}}


# --- secrets, volumes, others ---


def _merge_string_data(preparation: Preparation) -> None:
    """What stringData holds is write-only: it lands in data, encoded."""
    texts = preparation.document.pop("stringData", None)
    if texts:
        encoded = {name: b64encode(text.encode()).decode() for name, text in texts.items()}
        preparation.document["data"] = {**(preparation.document.get("data") or {}), **encoded}


def _keep_names_of_secrets(preparation: Preparation) -> None:
    """A service account refers to secrets of its own namespace: by name."""
    secrets = preparation.document.get("secrets")
    if secrets:
        kept = [{"name": each["name"]} if each.get("name") else {} for each in secrets]
        preparation.document["secrets"] = kept


def _create_volume(preparation: Preparation) -> None:
    preparation.document["status"] = {
        "phase": "Pending",
        "lastPhaseTransitionTime": timestamp(preparation.now),
    }


def _create_claim(preparation: Preparation) -> None:
    data_sources.settle(preparation.document, None)
    preparation.document["status"] = {"phase": "Pending"}


def _update_claim(preparation: Preparation) -> None:
    data_sources.settle(preparation.document, preparation.old)


def _create_node(preparation: Preparation) -> None:
    """A node that is not known to be ready takes no pods (kube-apiserver: the TaintNodesByCondition plugin)."""
    _drop_unless_known(preparation, "spec", "configSource")
    _drop_unless_known(preparation, "status", "config")
    spec = preparation.document.setdefault("spec", {})
    taints = list(spec.get("taints") or ())
    if not any(taint.get("key") == _NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
        taints.append({"key": _NOT_READY, "effect": "NoSchedule"})
    spec["taints"] = taints


def _update_node(preparation: Preparation) -> None:
    _drop_unless_known(preparation, "spec", "configSource")


def _report_node(preparation: Preparation) -> None:
    _drop_unless_known(preparation, "status", "config")


def _drop_unless_known(preparation: Preparation, part: str, *members: str) -> None:
    """Fields that a release has stopped or not yet begun to use are kept where they are, and nowhere else."""
    document, known = preparation.document, (preparation.old or {}).get(part) or {}
    holder = document.get(part)
    unused = [member for member in members if holder and member in holder and known.get(member) is None]
    if holder and unused:
        document[part] = {member: value for member, value in holder.items() if member not in unused}


def _lease(preparation: Preparation) -> None:
    """Nobody chooses leaders here (the gate CoordinatedLeaderElection is off)."""
    _drop_unless_known(preparation, "spec", "strategy", "preferredHolder")


def _create_driver(preparation: Preparation) -> None:
    _drop_unless_known(preparation, "spec", "preventPodSchedulingIfMissing")


def _update_driver(preparation: Preparation) -> None:
    """A driver has no generation until its spec changes."""
    _create_driver(preparation)
    new, old = preparation.document, preparation.old
    assert old is not None
    if new.get("spec") != old.get("spec"):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


# --- definitions of custom resources


def _create_definition(preparation: Preparation) -> None:
    preparation.document["status"] = {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": None,
    }
    _note_storage_version(preparation.document)


def _update_definition(preparation: Preparation) -> None:
    _note_storage_version(preparation.document)


def _remarks(definition: Document) -> list[str]:
    from watchcache.api.custom.remarks import warnings_of  # noqa: PLC0415 - with the first definition

    return warnings_of(definition)


def _webhook_remarks(configuration: Document) -> list[str]:
    from watchcache.api.validation.webhooks import remarks  # noqa: PLC0415 - as above

    return remarks(configuration)


def _policy_remarks(policy: Document) -> list[str]:
    from watchcache.api.validation.policies import remarks  # noqa: PLC0415 - as above

    return remarks(policy)


def _warn_of_enforcing(account: Document) -> list[str]:
    key = "kubernetes.io/enforce-mountable-secrets"
    if key not in (account["metadata"].get("annotations") or {}):
        return []
    advice = "prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{key}]: deprecated in v1.32+; {advice}"]


def _note_storage_version(document: Document) -> None:
    """Whatever was once the storage version may still be that of some instance."""
    name = storage_version(document)
    state = document.get("status") or {}
    stored = state.get("storedVersions") or []
    if name and name not in stored:
        document["status"] = {**state, "storedVersions": [*stored, name]}


_NOT_READY: Final = "node.kubernetes.io/not-ready"


_PLAIN: Final = Strategy()
_CUSTOM: Final = Strategy(status_keeps=_ALL_METADATA)
_RESET: Final = Strategy(status_keeps=_ALL_METADATA)
_JOB_WARNING: Final = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
    "or set propagationPolicy=Orphan to suppress this warning"
)

_STRATEGIES: Final[dict[tuple[str, str], Strategy]] = {
    ("", "pods"): Strategy(
        prepare_create=_create_pod,
        prepare_status=_pod_status,
        status_keeps=frozenset({"ownerReferences"}),
        deletion=DeletionRule(graceful=True),
    ),
    ("", "namespaces"): Strategy(
        prepare_create=_create_namespace,
        prepare_update=_update_namespace,
        deletion=DeletionRule(namespace=True),
    ),
    ("", "nodes"): Strategy(
        prepare_create=_create_node,
        prepare_update=_update_node,
        prepare_status=_report_node,
        keeps_status_on_create=True,
    ),
    ("", "services"): Strategy(prepare_create=_allocate, prepare_update=_allocate),
    ("", "secrets"): Strategy(prepare_create=_merge_string_data, prepare_update=_merge_string_data),
    ("", "serviceaccounts"): Strategy(
        prepare_create=_keep_names_of_secrets, prepare_update=_keep_names_of_secrets, warn=_warn_of_enforcing
    ),
    ("", "events"): Strategy(deletion=DeletionRule(collected=False)),
    ("", "persistentvolumes"): Strategy(
        prepare_create=_create_volume, finalizers=("kubernetes.io/pv-protection",)
    ),
    ("", "persistentvolumeclaims"): Strategy(
        prepare_create=_create_claim,
        prepare_update=_update_claim,
        finalizers=("kubernetes.io/pvc-protection",),
    ),
    ("", "replicationcontrollers"): Strategy(deletion=DeletionRule(orphans_by_default=True)),
    ("apiextensions.k8s.io", "customresourcedefinitions"): Strategy(
        prepare_create=_create_definition,
        prepare_update=_update_definition,
        status_keeps=_ALL_METADATA,
        deletion=DeletionRule(empties=True),
        warn=_remarks,
    ),
    ("apps", "deployments"): Strategy(status_keeps=frozenset({"labels"}), generation_counts="annotations"),
    ("apps", "daemonsets"): Strategy(prepare_create=_create_daemon_set, prepare_update=_update_daemon_set),
    ("batch", "jobs"): Strategy(
        prepare_create=_create_job,
        deletion=DeletionRule(orphans_by_default=True),
        orphan_warning=_JOB_WARNING,
    ),
    ("certificates.k8s.io", "certificatesigningrequests"): Strategy(
        prepare_create=signing.create, prepare_update=signing.update, prepare_status=signing.change_status
    ),
    **dict.fromkeys(
        [
            ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
            ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ],
        Strategy(warn=_webhook_remarks),
    ),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): Strategy(warn=_policy_remarks),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): Strategy(
        status_keeps=_ALL_METADATA, warn=_policy_remarks
    ),
    ("coordination.k8s.io", "leases"): Strategy(prepare_create=_lease, prepare_update=_lease),
    ("storage.k8s.io", "volumeattributesclasses"): Strategy(finalizers=("kubernetes.io/vac-protection",)),
    ("storage.k8s.io", "csidrivers"): Strategy(prepare_create=_create_driver, prepare_update=_update_driver),
    ("scheduling.k8s.io", "priorityclasses"): Strategy(counts_changes=False),
    ("discovery.k8s.io", "endpointslices"): Strategy(generation_counts="labels"),
    ("resource.k8s.io", "resourceclaims"): Strategy(
        status_keeps=_ALL_METADATA, prepare_status=devices.drop_deallocated
    ),
    ("resource.k8s.io", "resourceslices"): Strategy(
        prepare_create=devices.date_taints, prepare_update=devices.date_taints
    ),
    **dict.fromkeys(
        [
            ("apiregistration.k8s.io", "apiservices"),
            ("flowcontrol.apiserver.k8s.io", "flowschemas"),
            ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
            ("networking.k8s.io", "servicecidrs"),
            ("storage.k8s.io", "volumeattachments"),
        ],
        _RESET,
    ),
}
"""Kinds that differ, by the group and plural they are stored as."""
