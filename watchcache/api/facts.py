"""Facts about the built-in kinds that no published document of a kube-apiserver states.

Each table names its source; [M] marks what was measured on a kube-apiserver 1.36. Keys are (group, plural) in discovery's spelling.
What follows from the published facts (which kinds have a status, which verbs there are) is not repeated here.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_ADMISSION: Final = "admissionregistration.k8s.io"
_DRA: Final = "resource.k8s.io"
_FLOW: Final = "flowcontrol.apiserver.k8s.io"
_NETWORKING: Final = "networking.k8s.io"
_RBAC: Final = "rbac.authorization.k8s.io"
_STORAGE: Final = "storage.k8s.io"

_ADMISSION_KINDS: Final = (
    (_ADMISSION, "mutatingadmissionpolicies"),
    (_ADMISSION, "mutatingadmissionpolicybindings"),
    (_ADMISSION, "mutatingwebhookconfigurations"),
    (_ADMISSION, "validatingadmissionpolicies"),
    (_ADMISSION, "validatingadmissionpolicybindings"),
    (_ADMISSION, "validatingwebhookconfigurations"),
)

CRDS: Final = ("apiextensions.k8s.io", "customresourcedefinitions")
API_SERVICES: Final = ("apiregistration.k8s.io", "apiservices")

STORAGE_PREFIXES: Final = {
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("", "services"): "services/specs",
    (_NETWORKING, "ingresses"): "ingress",
    CRDS: "apiextensions.k8s.io/customresourcedefinitions",
    API_SERVICES: "apiregistration.k8s.io/apiservices",
}
"""Where objects lie in etcd below /registry/, for the kinds where that is not the plural. [M] by reading etcd's keys."""

STORAGE_VERSIONS: Final = {
    ("events.k8s.io", "events"): ("", "v1"),
    ("autoscaling", "horizontalpodautoscalers"): ("autoscaling", "v2"),
}
"""Kinds kept in the form of another group or of one of several versions; all others are kept as served. [M] by reading etcd."""

GENERATIONS: Final = frozenset(
    {
        ("", "pods"),
        ("", "podtemplates"),
        ("", "replicationcontrollers"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
        ("discovery.k8s.io", "endpointslices"),
        ("policy", "poddisruptionbudgets"),
        ("scheduling.k8s.io", "priorityclasses"),
        *_ADMISSION_KINDS,
        (_DRA, "deviceclasses"),
        (_DRA, "resourceslices"),
        (_FLOW, "flowschemas"),
        (_FLOW, "prioritylevelconfigurations"),
        (_NETWORKING, "ingressclasses"),
        (_NETWORKING, "ingresses"),
        (_NETWORKING, "networkpolicies"),
        CRDS,
    }
)
"""Kinds whose metadata.generation the server keeps (1 at create); the others store what a client sends. [M]"""

CONDITIONAL_UPDATES: Final = frozenset(
    {
        ("coordination.k8s.io", "leases"),
        ("node.k8s.io", "runtimeclasses"),
        ("policy", "poddisruptionbudgets"),
        *_ADMISSION_KINDS,
        (_STORAGE, "csidrivers"),
        (_STORAGE, "csinodes"),
        (_STORAGE, "csistoragecapacities"),
        (_STORAGE, "volumeattachments"),
        CRDS,
        API_SERVICES,
    }
)
"""Kinds that refuse an update without a resourceVersion (custom resources do as well). [M]"""

CREATED_BY_UPDATE: Final = frozenset(
    {
        ("", "endpoints"),
        ("", "events"),
        ("", "limitranges"),
        ("", "services"),
        ("coordination.k8s.io", "leases"),
        ("events.k8s.io", "events"),
        ("node.k8s.io", "runtimeclasses"),
        (_RBAC, "clusterrolebindings"),
        (_RBAC, "clusterroles"),
        (_RBAC, "rolebindings"),
        (_RBAC, "roles"),
    }
)
"""Kinds where a PUT to a missing name creates. [M]"""

RETURNED_WHEN_DELETED: Final = frozenset(
    {
        ("", "pods"),
        ("", "podtemplates"),
        ("", "resourcequotas"),
        ("", "serviceaccounts"),
        ("", "services"),
        (_DRA, "deviceclasses"),
        (_DRA, "resourceclaims"),
        (_DRA, "resourceclaimtemplates"),
        (_DRA, "resourceslices"),
        (_STORAGE, "csidrivers"),
        (_STORAGE, "csinodes"),
        (_STORAGE, "storageclasses"),
        (_STORAGE, "volumeattachments"),
        (_STORAGE, "volumeattributesclasses"),
    }
)
"""Kinds whose DELETE answers with the object instead of a Status. [M]"""


class FieldLabels(NamedTuple):
    """What a kind's field selectors may name."""

    fields: tuple[str, ...] = ()
    namespace: bool = True
    """Whether metadata.namespace is accepted."""
    error: str = "field label not supported: {0}"
    """The text of the refusal, `{0}` being the field, `{1}` the same quoted."""


UNCONVERTED: Final = FieldLabels(
    error='{1} is not a known field selector: only "metadata.name", "metadata.namespace"'
)
"""Kinds without a conversion function of their own: metadata.namespace is accepted even where there are no namespaces."""

_EVENT_REFERENCE: Final = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

FIELD_LABELS: Final = {
    ("", "pods"): FieldLabels(
        (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        )
    ),
    ("", "nodes"): FieldLabels(("spec.unschedulable",), namespace=False),
    ("", "namespaces"): FieldLabels(("status.phase",), namespace=False),
    ("", "secrets"): FieldLabels(("type",)),
    ("", "services"): FieldLabels(("spec.clusterIP", "spec.type")),
    ("", "replicationcontrollers"): FieldLabels(("status.replicas",)),
    ("", "events"): FieldLabels(
        (
            *(f"involvedObject.{part}" for part in _EVENT_REFERENCE),
            "reason",
            "reportingComponent",
            "source",
            "type",
        )
    ),
    ("events.k8s.io", "events"): FieldLabels(
        (*(f"regarding.{part}" for part in _EVENT_REFERENCE), "reason", "reportingController", "type")
    ),
    ("batch", "jobs"): FieldLabels(("status.successful",), error="field label {1} not supported for Job"),
    ("certificates.k8s.io", "certificatesigningrequests"): FieldLabels(("spec.signerName",), namespace=False),
    (_DRA, "resourceslices"): FieldLabels(
        ("spec.nodeName", "spec.driver"),
        namespace=False,
        error="field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {0}",
    ),
}
"""Selectable fields beyond metadata.name, in each served version's own spelling; kinds not listed are `UNCONVERTED`. [M]"""

FIELD_ALIASES: Final = {("", "pods"): {"spec.host": "spec.nodeName"}}
"""Old spellings still accepted in field selectors."""

NAME_RULES: Final = {
    ("", "events"): "path",
    ("", "namespaces"): "label",
    ("", "services"): "label",
    ("apps", "statefulsets"): "label",
    ("batch", "cronjobs"): "short-subdomain",
    ("certificates.k8s.io", "certificatesigningrequests"): "path",
    ("policy", "poddisruptionbudgets"): "path",
    (_NETWORKING, "ipaddresses"): "address",
    (_RBAC, "clusterrolebindings"): "path",
    (_RBAC, "clusterroles"): "path",
    (_RBAC, "rolebindings"): "path",
    (_RBAC, "roles"): "path",
    API_SERVICES: "path",
}
"""Which names objects may have, for kinds whose names are not DNS subdomains; the rules are in `names.RULES`. [M] for every kind."""
