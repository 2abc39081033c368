"""`--authorization-mode=Node`: a kubelet may read what the pods on its node need, and write what is its own.

A node is a user `system:node:<name>` in the group `system:nodes`; about others this authorizer has no opinion. What is not in its table of resources
is allowed by the rules of the ClusterRole `system:node`. That a node creates and changes only its own objects is for an admission plugin
to see to: `watchcache.admission.noderestriction`.

Source: k/k plugin/pkg/auth/authorizer/node/node_authorizer.go; the reasons are kube-apiserver 1.36.3's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from watchcache.api.user import NODE_USER, NODES, UserInfo
from watchcache.auth.authorizer import Attributes, Decision, Enumerated
from watchcache.auth.graph import Graph
from watchcache.auth.rbac.rules import Rule

_OWN_VERBS: Final = ("get", "create", "update", "patch", "delete")
_LEASES: Final = "kube-node-lease"

Answer = str | None
"""Why not; None: it is allowed."""
_NO = ""


class Node:
    """The authorizer. `rules` are those of `system:node`."""

    def __init__(self, graph: Graph, rules: Sequence[Rule]) -> None:
        self._graph = graph
        self._rules = tuple(rules)

    def authorize(self, attributes: Attributes) -> tuple[Decision, str]:
        """Allow, or no opinion with the reason."""
        node = node_of(attributes.user)
        if node is None:
            return Decision.NO_OPINION, ""
        if not node:
            return Decision.NO_OPINION, f'unknown node for user "{attributes.user.name}"'
        ask = _ASK.get((attributes.group, attributes.resource))
        reason = self._by_rules(attributes) if ask is None else ask(self._graph, node, attributes)
        return (Decision.ALLOW, "") if reason is None else (Decision.NO_OPINION, reason)

    def rules(self, user: UserInfo, namespace: str) -> Enumerated:  # noqa: ARG002
        """Of a node they cannot be listed."""
        if node_of(user) is None:
            return Enumerated()
        return Enumerated(incomplete=True, problems=["node authorizer does not support user rule resolution"])

    def _by_rules(self, attributes: Attributes) -> Answer:
        _, verb, group, _, resource, subresource, _, name, path, _ = attributes
        for rule in self._rules:
            if resource:
                if rule.allows(verb, group, resource, subresource) and (not rule.names or name in rule.names):
                    return None
            elif rule.allows_path(verb, path):
                return None
        return _NO


def node_of(user: UserInfo) -> str | None:
    """The node that a user is, "" when its name is missing; None for a user that is no node."""
    if user.name.startswith(NODE_USER) and NODES in user.groups:
        return user.name[len(NODE_USER) :]
    return None


def _related(graph: Graph, node: str, asked: Attributes) -> Answer:
    if not asked.name:
        return "No Object name found"
    place = f"{asked.namespace}/" if asked.namespace else ""
    if graph.is_related(node, f"{asked.resource}/{place}{asked.name}"):
        return None
    return f"no relationship found between node '{node}' and this object"


def _get(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb != "get":
        return "can only get individual resources of this type"
    return "cannot get subresource" if asked.subresource else _related(graph, node, asked)


def _read(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in {"get", "list", "watch"}:
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.namespace:
        return "can only read namespaced object of this type"
    return _related(graph, node, asked)


def _claim(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.subresource != "status":
        return _get(graph, node, asked)
    if asked.verb not in {"update", "patch"}:
        return "can only get/update/patch this type"
    return _related(graph, node, asked)


def _account(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb == "get" and not asked.subresource:
        return _get(graph, node, asked)
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    if asked.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return _related(graph, node, asked)


def _lease(_graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in _OWN_VERBS:
        return "can only get, create, update, patch, or delete a node lease"
    if asked.namespace != _LEASES:
        return f'can only access leases in the "{_LEASES}" system namespace'
    if asked.verb != "create" and asked.name != node:
        return "can only access node lease with the same name as the requesting node"
    return None


def _csi_node(_graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.verb not in _OWN_VERBS:
        return "can only get, create, update, patch, or delete a CSINode"
    if asked.subresource:
        return "cannot authorize CSINode subresources"
    if asked.verb != "create" and asked.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return None


def _slice(graph: Graph, node: str, asked: Attributes) -> Answer:
    if asked.subresource:
        return "cannot authorize ResourceSlice subresources"
    if asked.verb == "create":
        return None
    if asked.verb in {"get", "update", "patch", "delete"}:
        return _related(graph, node, asked)
    if asked.verb not in {"watch", "list", "deletecollection"}:
        return (
            "only the following verbs are allowed for a ResourceSlice: "
            "get, watch, list, create, update, patch, delete, deletecollection"
        )
    if ("spec.nodeName", node) in asked.selected:
        return None
    return "can only list/watch/deletecollection resourceslices with nodeName field selector"


def _node(_graph: Graph, node: str, asked: Attributes) -> Answer:
    about = asked.subresource, asked.verb
    if about in _NODE_WRITES:
        return None
    if about not in _READS:
        return _NO
    if not asked.name:
        return f"node '{node}' cannot read all nodes, only its own Node object"
    if asked.name != node:
        return f"node '{node}' cannot read '{asked.name}', only its own Node object"
    return None


def _pod(graph: Graph, node: str, asked: Attributes) -> Answer:
    about = asked.subresource, asked.verb
    if about == ("", "get"):
        return _get(graph, node, asked)
    if about in {("", "list"), ("", "watch")}:
        if ("spec.nodeName", node) in asked.selected:
            return None
        if asked.name:
            return _related(graph, node, asked)
        return "can only list/watch pods with spec.nodeName field selector"
    return None if about in _POD_WRITES else _NO


_READS: Final = frozenset({("", "get"), ("", "list"), ("", "watch")})
_NODE_WRITES: Final = frozenset(
    {("", "create"), ("", "update"), ("", "patch"), ("status", "update"), ("status", "patch")}
)
_POD_WRITES: Final = frozenset(
    {("", "create"), ("", "delete"), ("status", "update"), ("status", "patch"), ("eviction", "create")}
)
_ASK: Final[dict[tuple[str, str], Callable[[Graph, str, Attributes], Answer]]] = {
    ("", "secrets"): _read,
    ("", "configmaps"): _read,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("resource.k8s.io", "resourceclaims"): _get,
    ("storage.k8s.io", "volumeattachments"): _get,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
}
