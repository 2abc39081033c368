"""`NodeRestriction`: a kubelet writes only what is its own.

That is its Node without taints and without labels that steer pods; mirror pods; status, deletion and eviction of the pods that are bound to it; tokens bound to
such pods, for audiences that they mount; its lease, CSINode and slices of devices; certificate requests in its name; and sizes and conditions of claims. A node
is a user `system:node:<name>` in the group `system:nodes`; others are not looked at. In the chain only where it is enabled.

Source: k/k plugin/pkg/admission/noderestriction/admission.go; texts of kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.admission.mirrors import api_reference
from watchcache.admission.requests import RequestProblem, subject_of
from watchcache.admission.sources import Find, driver_of
from watchcache.api import status
from watchcache.api.quoting import quoted
from watchcache.api.status import GroupKind
from watchcache.api.user import NODE_USER
from watchcache.auth import Attributes, Authorizer, Decision
from watchcache.auth.node import node_of

MIRROR: Final = "kubernetes.io/config.mirror"
_LEASES: Final = "kube-node-lease"
_RESTRICTED: Final = "node-restriction.kubernetes.io"
_OWN_NAMESPACES: Final = ("kubelet.kubernetes.io", "node.kubernetes.io")
_OWN_LABELS: Final = frozenset(
    {
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type",
        "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
    }
)  # fmt: skip
_KUBELET_SIGNERS: Final = frozenset(
    {"kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"}
)
_AUDIENCE_VERB: Final = "request-serviceaccounts-token-audience"
_WRITABLE_OF_CLAIMS: Final = frozenset(
    {"capacity", "conditions", "allocatedResources", "allocatedResourceStatuses"}
)


class NodeRestriction:
    """The plugin. `find` gives stored objects; `authorizer` says who may have tokens for other audiences."""

    name = "NodeRestriction"
    operations = frozenset({Operation.CREATE, Operation.UPDATE, Operation.DELETE})

    def __init__(self, find: Find, authorizer: Authorizer) -> None:
        self._find = find
        self._authorizer = authorizer
        self._rules: dict[tuple[str, str], Callable[[Review, str], None]] = {
            ("", "pods"): self._pod,
            ("", "nodes"): _node,
            ("", "persistentvolumeclaims"): _claim,
            ("", "serviceaccounts"): self._token,
            ("coordination.k8s.io", "leases"): _lease,
            ("storage.k8s.io", "csinodes"): _csi_node,
            ("resource.k8s.io", "resourceslices"): _slice,
            ("certificates.k8s.io", "certificatesigningrequests"): _certificate,
        }

    def admit(self, review: Review) -> None:
        """Raises StatusError 403, and 404 where what a request speaks of is not there."""
        if not review.user.name.startswith(NODE_USER):
            return
        node = node_of(review.user)
        if node is None:
            return
        if not node:
            raise _forbidden(review, f"could not determine node from user {quoted(review.user.name)}")
        rule = self._rules.get((review.resource.group, review.resource.plural))
        if rule is not None:
            rule(review, node)

    # -- pods

    def _pod(self, review: Review, node: str) -> None:
        name = _asked(review)
        if review.subresource == "status":
            _pod_status(review, node)
        elif review.subresource == "eviction":
            if _node_name(self._stored("Pod", review.namespace, name)) != node:
                raise _forbidden(review, f"node {node} can only evict pods with spec.nodeName set to itself")
        elif review.subresource:
            raise _forbidden(
                review,
                f"unexpected pod subresource {quoted(review.subresource)}, only 'status' and 'eviction' are allowed",
            )
        elif review.operation is Operation.CREATE:
            self._mirror(review, node)
        elif review.operation is Operation.DELETE:
            if _node_name(self._stored("Pod", review.namespace, name)) != node:
                raise _forbidden(
                    review, f"node {quoted(node)} can only delete pods with spec.nodeName set to itself"
                )
        else:
            text = f'unexpected operation "{review.operation}", node {quoted(node)} can only create and delete mirror pods'
            raise _forbidden(review, text)

    def _mirror(self, review: Review, node: str) -> None:
        pod, quoted_node = review.document or {}, f"node {quoted(node)}"
        if MIRROR not in (pod["metadata"].get("annotations") or {}):
            text = f'pod does not have "{MIRROR}" annotation, {quoted_node} can only create mirror pods'
            raise _forbidden(review, text)
        if _node_name(pod) != node:
            raise _forbidden(review, f"{quoted_node} can only create pods with spec.nodeName set to itself")
        self._owner(review, node, pod["metadata"].get("ownerReferences") or [])
        try:
            found = api_reference(pod)
        except ValueError as problem:
            raise _forbidden(review, f"error checking mirror pod for API references: {problem}") from None
        if found:
            raise _forbidden(review, f"{quoted_node} can not create pods that reference {found}")

    def _owner(self, review: Review, node: str, owners: list[dict[str, Any]]) -> None:
        """A mirror pod belongs to its node."""
        only = f"node {quoted(node)} can only create pods with"
        if len(owners) > 1:
            raise _forbidden(review, f"{only} a single owner reference set to itself")
        owner = owners[0] if owners else {}
        if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
            raise _forbidden(review, f"{only} an owner reference set to itself")
        if not owner.get("controller"):
            raise _forbidden(review, f"{only} a controller owner reference set to itself")
        if owner.get("blockOwnerDeletion"):
            raise _forbidden(
                review, f"node {quoted(node)} must not set blockOwnerDeletion on an owner reference"
            )
        uid, said = self._stored("Node", "", node)["metadata"]["uid"], owner.get("uid") or ""
        if uid != said:
            raise _forbidden(review, f"node {node} UID mismatch: expected {said} got {uid}")

    def _stored(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Raises StatusError 404, which names a kind as kube-apiserver's caches do."""
        found = self._find("", kind, namespace, name)
        if found is None:
            raise status.not_found(GroupKind("", kind.lower()), name)
        return found

    # -- tokens

    def _token(self, review: Review, node: str) -> None:
        if review.operation is not Operation.CREATE or review.subresource != "token":
            return
        spec = (review.document or {}).get("spec") or {}
        bound = spec.get("boundObjectRef") or {}
        if (bound.get("apiVersion"), bound.get("kind")) != ("v1", "Pod") or not bound.get("name"):
            raise _forbidden(review, "node requested token not bound to a pod")
        uid = bound.get("uid")
        if not uid:
            raise _forbidden(review, "node requested token with a pod binding without a uid")
        pod = self._stored("Pod", review.namespace, bound["name"])
        if pod["metadata"]["uid"] != uid:
            text = (
                f"the UID in the bound object reference ({uid}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise _forbidden(review, text)
        if _node_name(pod) != node:
            raise _forbidden(review, "node requested token bound to a pod scheduled on a different node")
        self._audience(review, pod, spec.get("audiences") or [])

    def _audience(self, review: Review, pod: dict[str, Any], audiences: list[str]) -> None:
        """A token is for what a volume of the pod is made for, or for what the node has a right to."""
        if len(audiences) > 1:
            raise _forbidden(review, "node may only request 0 or 1 audiences")
        audience = audiences[0] if audiences else ""
        problems: list[str] = []
        for volume in pod["spec"].get("volumes") or []:
            try:
                if self._mounts(pod, volume, audience):
                    return
            except LookupError as problem:
                if (text := str(problem.args[0])) not in problems:
                    problems.append(text)
        if problems:
            told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
            raise _forbidden(review, f"error validating audience {quoted(audience)}: {told}")
        user = review.user
        asked = Attributes(user, _AUDIENCE_VERB, "", "v1", audience, "", review.namespace, review.name, "")
        if self._authorizer.authorize(asked)[0] is not Decision.ALLOW:
            text = (
                f"audience {quoted(audience)} not found in pod spec volume, "
                f"{user.name} is not authorized to request tokens for this audience"
            )
            raise _forbidden(review, text)

    def _mounts(self, pod: dict[str, Any], volume: Mapping[str, Any], audience: str) -> bool:
        """Whether a volume needs a token for an audience. Raises LookupError when something on the way to its driver is not there."""
        for source in (volume.get("projected") or {}).get("sources") or []:
            token = source.get("serviceAccountToken")
            if token is not None and (token.get("audience") or "") == audience:
                return True
        name = driver_of(self._find, pod, volume)
        if not name:
            return False
        driver = self._find("storage.k8s.io", "CSIDriver", "", name)
        if driver is None:
            raise LookupError(f"csidriver.storage.k8s.io {quoted(name)} not found")
        requests = (driver.get("spec") or {}).get("tokenRequests") or []
        return any((each.get("audience") or "") == audience for each in requests)


def _pod_status(review: Review, node: str) -> None:
    if review.operation is not Operation.UPDATE:
        raise _forbidden(review, f'unexpected operation "{review.operation}"')
    new, old, name = review.document or {}, review.old or {}, f"node {quoted(node)}"
    if _node_name(old) != node:
        text = f"{name} can only update pod status for pods with spec.nodeName set to itself"  # noqa: S608 - no SQL
        raise _forbidden(review, text)
    if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
        raise _forbidden(review, f"{name} cannot update labels through pod status")
    state, stored = new.get("status") or {}, old.get("status") or {}
    if (state.get("resourceClaimStatuses") or []) != (stored.get("resourceClaimStatuses") or []):
        raise _forbidden(review, f"{name} cannot update resource claim statues")
    if state.get("extendedResourceClaimStatus") != stored.get("extendedResourceClaimStatus"):
        raise _forbidden(review, f"{name} cannot update extended resource claim status")


def _node(review: Review, node: str) -> None:
    new, creates = review.document or {}, review.operation is Operation.CREATE
    asked = _asked(review)
    if asked != node:
        raise _forbidden(review, f"node {quoted(node)} is not allowed to modify node {quoted(asked)}")
    if review.operation is Operation.DELETE:
        return
    old = review.old or {"metadata": {}}
    spec, stored = new.get("spec") or {}, old.get("spec") or {}
    source, name = spec.get("configSource"), f"node {quoted(node)} is not allowed to"
    labels = _forbidden_labels(new["metadata"].get("labels") or {}, old["metadata"].get("labels") or {})
    if creates:
        if source is not None:
            raise _forbidden(review, f"{name} create pods with a non-nil configSource")
        if labels:
            raise _forbidden(review, f"{name} set the following labels: {labels}")
        return
    if source is not None and source != stored.get("configSource"):
        raise _forbidden(review, f"{name} update configSource to a new non-nil configSource")
    if (spec.get("taints") or []) != (stored.get("taints") or []):
        raise _forbidden(review, f"{name} modify taints")
    if (new["metadata"].get("ownerReferences") or []) != (old["metadata"].get("ownerReferences") or []):
        raise _forbidden(review, f"{name} modify ownerReferences")
    if labels:
        raise _forbidden(review, f"is not allowed to modify labels: {labels}")


def _forbidden_labels(new: Mapping[str, str], old: Mapping[str, str]) -> str:
    """The labels that differ and are not a kubelet's to set, sorted and joined."""
    changed = {key for key in (*new, *old) if new.get(key) != old.get(key)}
    return ", ".join(sorted(key for key in changed if not _may_label(key)))


def _may_label(key: str) -> bool:
    namespace = key.partition("/")[0] if "/" in key else ""
    if _within(namespace, _RESTRICTED):
        return False
    if not _within(namespace, "kubernetes.io") and not _within(namespace, "k8s.io"):
        return True
    return key in _OWN_LABELS or any(_within(namespace, each) for each in _OWN_NAMESPACES)


def _within(namespace: str, domain: str) -> bool:
    return namespace == domain or namespace.endswith(f".{domain}")


def _claim(review: Review, node: str) -> None:
    if review.subresource != "status":
        raise _forbidden(review, "may only update PVC status")
    if review.operation is not Operation.UPDATE:
        raise _forbidden(review, f'unexpected operation "{review.operation}"')
    if _kept(review.document or {}) != _kept(review.old or {}):
        text = f"node {quoted(node)} is not allowed to update fields other than status.quantity and status.conditions: "
        raise _forbidden(review, text)


def _kept(claim: dict[str, Any]) -> Any:
    """What of a claim a node may not change."""
    metadata = {
        name: value
        for name, value in claim["metadata"].items()
        if name not in {"resourceVersion", "managedFields"}
    }
    state = {
        name: value for name, value in (claim.get("status") or {}).items() if name not in _WRITABLE_OF_CLAIMS
    }
    return _filled({"metadata": metadata, "spec": claim.get("spec"), "status": state})


def _filled(value: Any) -> Any:
    """A value without what is empty: Go's comparison sees no difference between that and what is not there."""
    if isinstance(value, dict):
        made = {name: _filled(each) for name, each in value.items()}
        return {name: each for name, each in made.items() if each not in (None, "", {}, [])}
    return [_filled(each) for each in value] if isinstance(value, list) else value


def _lease(review: Review, node: str) -> None:
    if review.namespace != _LEASES:
        raise _forbidden(review, f'can only access leases in the "{_LEASES}" system namespace')
    if _asked(review) != node:
        raise _forbidden(review, "can only access node lease with the same name as the requesting node")


def _csi_node(review: Review, node: str) -> None:
    if _asked(review) != node:
        raise _forbidden(review, "can only access CSINode with the same name as the requesting node")


def _slice(review: Review, node: str) -> None:
    if review.operation is Operation.UPDATE:
        return  # the authorizer knows whose it is
    creates = review.operation is Operation.CREATE
    document = (review.document if creates else review.old) or {}
    if _node_name(document) != node:
        verb = "create" if creates else "delete"
        raise _forbidden(
            review, f"can only {verb} ResourceSlice with the same NodeName as the requesting node"
        )


def _certificate(review: Review, node: str) -> None:
    spec = (review.document or {}).get("spec") or {}
    if review.operation is not Operation.CREATE or spec.get("signerName") not in _KUBELET_SIGNERS:
        return
    try:
        subject = subject_of(spec.get("request") or "")
    except RequestProblem as problem:
        raise _forbidden(review, f"unable to parse csr: {problem}") from None
    if subject.name != f"{NODE_USER}{node}":
        raise _forbidden(review, f"can only create a node CSR with CN={NODE_USER}{node}")


def _asked(review: Review) -> str:
    """The name that is asked for; "" where a name is to be made, and for each of a collection that is deleted."""
    if review.operation is Operation.CREATE and not review.subresource:
        return _name(review.document)
    return "" if _is_collective(review) else review.name


def _is_collective(review: Review) -> bool:
    return review.request is not None and review.request.verb == "deletecollection"


def _name(document: dict[str, Any] | None) -> str:
    return ((document or {}).get("metadata") or {}).get("name") or ""


def _node_name(document: dict[str, Any] | None) -> str:
    return ((document or {}).get("spec") or {}).get("nodeName") or ""


def _forbidden(review: Review, text: str) -> status.StatusError:
    name = "Unknown" if _is_collective(review) else review.name
    return status.forbidden(review.resource.group_resource, name, text)
