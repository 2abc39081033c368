"""ServiceAccount: every pod runs as an account of its namespace, and finds the account's token in its containers.

A pod gets the account `default` when it names none, the account's `imagePullSecrets`, and a volume with a token, the cluster's CA and the namespace, which
the kubelet fills. A pod whose account is not there is refused, after a moment in which a controller may make it. Mirror pods, which a kubelet runs from
its own files, get nothing and may not use secrets. Source: k/k plugin/pkg/admission/serviceaccount/admission.go; words recorded in `tests/accounts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api import status

Document = dict[str, Any]

MOUNT_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME: Final = "kube-api-access-"
_MIRROR: Final = "kubernetes.io/config.mirror"
_ENFORCED: Final = "kubernetes.io/enforce-mountable-secrets"
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_TOKEN_SECONDS: Final = 3607
_EPHEMERAL: Final = "ephemeralcontainers"
_KINDS: Final = (
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
)
# Where a volume or its source names a secret: the field, and the name in it.
_VOLUME_SECRETS: Final = (
    ("azureFile", "secretName"), ("cephfs", "secretRef"), ("cinder", "secretRef"), ("flexVolume", "secretRef"), ("rbd", "secretRef"),
    ("secret", "secretName"), ("scaleIO", "secretRef"), ("iscsi", "secretRef"), ("storageos", "secretRef"), ("csi", "nodePublishSecretRef"),
)  # fmt: skip

Find = Callable[[str, str], Document | None]


class ServiceAccount:
    """The plugin. `find` gives the account of a namespace and name; `wait` gives a controller a moment to make it."""

    name = "ServiceAccount"
    operations = frozenset({Operation.CREATE, Operation.UPDATE})

    def __init__(
        self, find: Find, wait: Callable[[str, str], Awaitable[None]], random_name: Callable[[str], str]
    ) -> None:
        """`wait` returns once the account is there, or after a moment; `random_name` makes a name of its beginning."""
        self._find = find
        self._wait = wait
        self._random_name = random_name

    def admit(self, review: Review) -> Awaitable[None] | None:
        """Give a new pod what its account has; 403."""
        if not _concerns(review) or review.operation is not Operation.CREATE:
            return None
        assert review.document is not None
        if _is_mirror(review.document):
            _check_mirror(review)
            return None
        spec = review.document.setdefault("spec", {})
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self._find(review.namespace, name)
        if account is None:
            return self._wait_and_equip(review, name)
        self._equip(review, account)
        return None

    def validate(self, review: Review) -> Awaitable[None] | None:
        """Once more when other plugins have had their say."""
        if not _concerns(review):
            return None
        assert review.document is not None
        ephemeral = review.subresource == _EPHEMERAL
        if review.operation is Operation.UPDATE:
            if ephemeral:
                self._check_update(review)
            return None
        if _is_mirror(review.document):
            _check_mirror(review)
            return None
        name = (review.document.get("spec") or {}).get("serviceAccountName")
        if not name:
            raise review.refused(_nameless(review))
        account = self._find(review.namespace, name)
        if account is None:
            return self._wait_and_check(review, name)
        _check_secrets(review, account)
        return None

    async def _wait_and_equip(self, review: Review, name: str) -> None:
        self._equip(review, await self._awaited(review, name))

    async def _wait_and_check(self, review: Review, name: str) -> None:
        _check_secrets(review, await self._awaited(review, name))

    async def _awaited(self, review: Review, name: str) -> Document:
        await self._wait(review.namespace, name)
        account = self._find(review.namespace, name)
        if account is None:
            where = f"{review.namespace}/{name}"
            text = f'error looking up service account {where}: serviceaccount "{name}" not found'
            raise review.refused(text)
        return account

    def _equip(self, review: Review, account: Document) -> None:
        assert review.document is not None
        spec = review.document["spec"]
        if _mounts(account, spec):
            self._mount(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [
                {"name": each.get("name", "")} for each in account["imagePullSecrets"]
            ]
        _check_secrets(review, account)

    def _mount(self, spec: Document) -> None:
        """Mount the volume where nothing is mounted in its place, and add it when somebody needs it."""
        volumes = spec.get("volumes") or []
        own = next((each["name"] for each in volumes if each.get("name", "").startswith(VOLUME)), "")
        name = own or self._random_name(VOLUME)
        needed = False
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
            mounts = container.get("volumeMounts") or []
            if all(mount.get("mountPath") != MOUNT_PATH for mount in mounts):
                mount = {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}
                container["volumeMounts"] = [*mounts, mount]
                needed = True
        if needed and not own:
            spec["volumes"] = [*volumes, {"name": name, "projected": token_volume()}]

    def _check_update(self, review: Review) -> None:
        """Containers that are added for debugging keep to the account's secrets, too. What is refused has no reason, as in kube-apiserver."""
        assert review.document is not None
        spec = review.document.get("spec") or {}
        name = spec.get("serviceAccountName")
        if not name:
            raise review.refused(_nameless(review))
        account = self._find(review.namespace, name)
        if account is None:
            where = f"{review.namespace}/{name}"
            text = f'error looking up service account {where}: serviceaccount "{name}" not found'
            raise review.refused(text)
        if not _is_enforced(account):
            return
        ephemeral = [("ephemeral container", each) for each in spec.get("ephemeralContainers") or ()]
        for text in _foreign_variables(ephemeral, _names(account, "secrets"), name):
            raise status.untyped(text)


def token_volume() -> Document:
    """What the volume is made of."""
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
        "defaultMode": 0o644,
    }


def _concerns(review: Review) -> bool:
    resource = review.resource
    return resource.kind == "Pod" and not resource.group and review.subresource in {"", _EPHEMERAL}


def _is_mirror(pod: Document) -> bool:
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def _mounts(account: Document, spec: Document) -> bool:
    """Whether a token is mounted: the pod's word counts before the account's."""
    for said in (spec, account):
        if (wish := said.get("automountServiceAccountToken")) is not None:
            return bool(wish)
    return True


def _check_mirror(review: Review) -> None:
    """Refuse (403) a mirror pod that would need the API."""
    assert review.document is not None
    spec = review.document.get("spec") or {}
    if spec.get("serviceAccountName"):
        raise review.refused("a mirror pod may not reference service accounts")
    if any(_secret_names(spec)):
        raise review.refused("a mirror pod may not reference secrets")
    for source in _projections(spec):
        for field, kind in (("serviceAccountToken", "ServiceAccountToken"), ("clusterTrustBundle", "ClusterTrustBundle")):  # fmt: skip
            if source.get(field) is not None:
                raise review.refused(f"a mirror pod may not use {kind} volume projections")


def _projections(spec: Document) -> Iterator[Document]:
    for volume in spec.get("volumes") or ():
        yield from (volume.get("projected") or {}).get("sources") or ()


def _secret_names(spec: Document) -> Iterator[str]:
    """Of each secret that a pod names."""
    yield from (each.get("name") or "" for each in spec.get("imagePullSecrets") or ())
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield from (name for _, name in _container_secrets(container))
    for volume in spec.get("volumes") or ():
        for field, name in _VOLUME_SECRETS:
            secret = (volume.get(field) or {}).get(name)
            if secret:
                yield secret if isinstance(secret, str) else secret.get("name") or ""
    yield from (source["secret"].get("name") or "" for source in _projections(spec) if source.get("secret"))


def _container_secrets(container: Document) -> Iterator[tuple[str, str]]:
    """What names a secret in a container, in words, and the secret's name."""
    for each in container.get("env") or ():
        reference = (each.get("valueFrom") or {}).get("secretKeyRef")
        if reference is not None:
            yield f"envVar {each['name']}", reference.get("name") or ""
    for each in container.get("envFrom") or ():
        if (reference := each.get("secretRef")) is not None:
            yield "envFrom", reference.get("name") or ""


def _is_enforced(account: Document) -> bool:
    return (account["metadata"].get("annotations") or {}).get(_ENFORCED) in _TRUE


def _names(account: Document, field: str) -> frozenset[str]:
    return frozenset(each.get("name") or "" for each in account.get(field) or ())


def _check_secrets(review: Review, account: Document) -> None:
    """Refuse (403) secrets that the account does not name, when it wants that."""
    if not _is_enforced(account):
        return
    assert review.document is not None
    for text in _foreign_secrets(review.document["spec"], account):
        raise review.refused(text)


def _foreign_secrets(spec: Document, account: Document) -> Iterator[str]:
    mountable, own = _names(account, "secrets"), account["metadata"]["name"]
    lacking = f"is not allowed because service account {own} does not reference that"
    for volume in spec.get("volumes") or ():
        source = volume.get("secret")
        if source is not None and source.get("secretName") not in mountable:
            yield f'volume with secret.secretName="{source.get("secretName", "")}" {lacking} secret'
    containers = [(kind, each) for field, kind in _KINDS for each in spec.get(field) or ()]
    yield from _foreign_variables(containers, mountable, own)
    pulled = _names(account, "imagePullSecrets")
    for position, each in enumerate(spec.get("imagePullSecrets") or ()):
        if each.get("name") not in pulled:
            yield f'imagePullSecrets[{position}].name="{each.get("name", "")}" {lacking} imagePullSecret'


def _foreign_variables(
    containers: Iterable[tuple[str, Document]], mountable: frozenset[str], account: str
) -> Iterator[str]:
    for kind, container in containers:
        for what, name in _container_secrets(container):
            if name not in mountable:
                yield (
                    f'{kind} {container["name"]} with {what} referencing secret.secretName="{name}" is not allowed '
                    f"because service account {account} does not reference that secret"
                )


def _nameless(review: Review) -> str:
    return f"no service account specified for pod {review.namespace}/{review.name}"
