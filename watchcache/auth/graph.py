"""What each node needs to know because of the pods that are bound to it: the relations that the Node authorizer goes by.

    pod -> node                  its own binding
    secret, configmap, claim,    what the pod names, in its own namespace; a mirror pod gives nothing, as its node makes it
    service account -> pod
    volume -> claim              the claim that the volume is bound to
    secret -> volume             what a node needs to mount it
    attachment, slice -> node    the node that they name

Of what pods name, it is counted for how many pods of a node, so that a question about an object that all pods name costs no more than another.

Source: k/k plugin/pkg/auth/authorizer/node/graph.go, pkg/api/v1/pod and pkg/api/persistentvolume (which secrets there are).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

_logger = logging.getLogger(__name__)
_MIRROR: Final = "kubernetes.io/config.mirror"
_VOLUME_SECRETS: Final = ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
"""Volumes whose member `secretRef` names a secret."""
_CSI_SECRETS: Final = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")


class _Bound(NamedTuple):
    """A pod's node, and what the pod names: `secrets/NAMESPACE/NAME` and so on."""

    node: str
    named: frozenset[str]


class _Volume(NamedTuple):
    """The claim that a volume is bound to, and the secrets that mounting it needs."""

    claim: str
    secrets: frozenset[str]


class Graph:
    """The relations, from the objects that it is told of. Keys are those of the log."""

    prefixes: Final = ("pods/", "persistentvolumes/", "volumeattachments/", "resourceslices/")

    def __init__(self) -> None:
        self._pods: dict[str, _Bound] = {}
        self._needs: dict[str, dict[str, int]] = {}
        self._volumes: dict[str, _Volume] = {}
        self._secrets: dict[str, set[str]] = {}
        self._of_node: dict[str, str] = {}

    def seen(self, key: str, value: bytes | None) -> None:
        """Take in an object, or that it is gone (None). Never raises."""
        try:
            document = None if value is None else msgspec.json.decode(value)
            if key.startswith("pods/"):
                self._take_pod(key, document)
            elif key.startswith("persistentvolumes/"):
                self._take_volume(key, document)
            else:
                self._take_owned(key, document)
        except Exception:
            # Written by another server: one object that cannot be read gives no node anything.
            _logger.exception("%s cannot be read", key)

    def is_related(self, node: str, key: str) -> bool:
        """Whether an object, by resource, namespace (none: one segment less) and name, is one that a node has to do with."""
        if self._of_node.get(key) == node or node in self._needs.get(key, ()):
            return True
        volume = self._volumes.get(key)
        if volume is not None:
            return node in self._needs.get(volume.claim, ())
        return any(self.is_related(node, each) for each in self._secrets.get(key, ()))

    def _take_pod(self, key: str, pod: dict[str, Any] | None) -> None:
        node = ((pod or {}).get("spec") or {}).get("nodeName")
        now = _Bound(node, frozenset(_named(pod))) if pod and node else None
        before = self._pods.get(key)
        if now == before:
            return
        if before is not None:
            del self._pods[key]
            for each in before.named:
                self._count(each, before.node, -1)
        if now is not None:
            self._pods[key] = now
            for each in now.named:
                self._count(each, now.node, 1)

    def _count(self, key: str, node: str, more: int) -> None:
        nodes = self._needs.setdefault(key, {})
        nodes[node] = nodes.get(node, 0) + more
        if not nodes[node]:
            del nodes[node]
        if not nodes:
            del self._needs[key]

    def _take_volume(self, key: str, volume: dict[str, Any] | None) -> None:
        before = self._volumes.pop(key, None)
        if before is not None:
            for secret in before.secrets:
                self._secrets[secret].discard(key)
                if not self._secrets[secret]:
                    del self._secrets[secret]
        claim = ((volume or {}).get("spec") or {}).get("claimRef")
        if volume is None or not claim:
            return
        place = claim.get("namespace", "")
        now = _Volume(
            f"persistentvolumeclaims/{place}/{claim.get('name', '')}",
            frozenset(f"secrets/{each}" for each in _secrets_of_volume(volume["spec"], place)),
        )
        self._volumes[key] = now
        for secret in now.secrets:
            self._secrets.setdefault(secret, set()).add(key)

    def _take_owned(self, key: str, document: dict[str, Any] | None) -> None:
        node = ((document or {}).get("spec") or {}).get("nodeName")
        if node:
            self._of_node[key] = node
        else:
            self._of_node.pop(key, None)


def _named(pod: dict[str, Any]) -> Iterator[str]:
    """What a pod names, and the pod itself."""
    metadata, spec = pod["metadata"], pod["spec"]
    namespace = metadata.get("namespace", "")
    yield f"pods/{namespace}/{metadata['name']}"
    if _MIRROR in (metadata.get("annotations") or {}):
        return
    if spec.get("serviceAccountName"):
        yield f"serviceaccounts/{namespace}/{spec['serviceAccountName']}"
    for each in spec.get("imagePullSecrets") or ():
        yield f"secrets/{namespace}/{each.get('name', '')}"
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            for resource, name in _named_by_container(container):
                yield f"{resource}/{namespace}/{name}"
    for volume in spec.get("volumes") or ():
        for resource, name in _named_by_volume(volume, metadata["name"]):
            yield f"{resource}/{namespace}/{name}"
    for name in _resource_claims(spec, pod.get("status") or {}):
        yield f"resourceclaims/{namespace}/{name}"


def _named_by_container(container: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        for member, resource in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if name := (source.get(member) or {}).get("name"):
                yield resource, name
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        for member, resource in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if name := (source.get(member) or {}).get("name"):
                yield resource, name


def _named_by_volume(volume: dict[str, Any], pod: str) -> Iterator[tuple[str, str]]:
    found = [
        ("secrets", (volume.get("secret") or {}).get("secretName")),
        ("secrets", (volume.get("azureFile") or {}).get("secretName")),
        ("secrets", ((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name")),
        ("configmaps", (volume.get("configMap") or {}).get("name")),
        ("persistentvolumeclaims", (volume.get("persistentVolumeClaim") or {}).get("claimName")),
        ("persistentvolumeclaims", f"{pod}-{volume['name']}" if volume.get("ephemeral") else None),
    ]
    found += [
        ("secrets", ((volume.get(kind) or {}).get("secretRef") or {}).get("name")) for kind in _VOLUME_SECRETS
    ]
    for source in (volume.get("projected") or {}).get("sources") or ():
        found.append(("secrets", (source.get("secret") or {}).get("name")))
        found.append(("configmaps", (source.get("configMap") or {}).get("name")))
    for resource, name in found:
        if name:
            yield resource, name


def _resource_claims(spec: dict[str, Any], state: dict[str, Any]) -> Iterator[str]:
    """Claims that are named, made for the pod, or made for its extended resources."""
    made = {
        each.get("name"): each.get("resourceClaimName") for each in state.get("resourceClaimStatuses") or ()
    }
    for each in spec.get("resourceClaims") or ():
        if name := each.get("resourceClaimName") or made.get(each.get("name")):
            yield name
    if name := (state.get("extendedResourceClaimStatus") or {}).get("resourceClaimName"):
        yield name


def _secrets_of_volume(spec: dict[str, Any], namespace: str) -> Iterator[str]:
    """`NAMESPACE/NAME` of the secrets that a node needs; without a namespace of their own they are in the claim's."""
    azure = spec.get("azureFile") or {}
    if azure.get("secretName"):
        yield f"{azure.get('secretNamespace') or namespace}/{azure['secretName']}"
    references = [(spec.get(kind) or {}).get("secretRef") for kind in _VOLUME_SECRETS]
    references += [(spec.get("csi") or {}).get(member) for member in _CSI_SECRETS]
    for reference in references:
        if reference and reference.get("name"):
            yield f"{reference.get('namespace') or namespace}/{reference['name']}"
