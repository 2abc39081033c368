"""What containers and volumes are told of their pod, its resources, and of keys in config maps, secrets and files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.quantities import quantity
from watchcache.api.status import Cause
from watchcache.api.validation.data import key_causes
from watchcache.api.validation.rules import Document

_SUBSCRIPTED: Final = re.compile(r"(metadata\.annotations|metadata\.labels)\['(.*)'\]", re.DOTALL)
_ANY_SUBSCRIPT: Final = re.compile(r"[^\[]*\['.*'\]", re.DOTALL)
_KNOWN_FIELDS: Final = frozenset(
    {
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
        "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "spec.host", "status.phase", "status.hostIP",
        "status.hostIPs", "status.podIP", "status.podIPs",
    }
)  # fmt: skip
FIELDS_OF_VARIABLES: Final = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
FIELDS_OF_FILES: Final = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip
_RESOURCES: Final = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
_HUGE: Final = ("limits.hugepages-", "requests.hugepages-")
_SIZES: Final = (
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
)  # fmt: skip
_SIZED: Final = {
    "memory": "memory",
    "ephemeral-storage": "local ephemeral storage",
    "hugepages": "hugepages",
}


def field_causes(reference: Document, allowed: Sequence[str], path: str) -> Iterator[Cause]:
    """What is wrong with a reference to a field of the pod."""
    version, wanted = reference.get("apiVersion") or "v1", reference.get("fieldPath") or ""
    where = f"{path}.fieldPath"
    if not wanted:
        yield causes.required(where)
        return
    subscripted = _SUBSCRIPTED.fullmatch(wanted)
    problem = ""
    if version != "v1":
        problem = f"unsupported pod version: {version}"
    elif subscripted is None and _ANY_SUBSCRIPT.fullmatch(wanted):
        problem = f"field label does not support subscript: {wanted}"
    elif subscripted is None and wanted not in _KNOWN_FIELDS:
        problem = f"field label not supported: {wanted}"
    if problem:
        yield causes.invalid(where, wanted, f"error converting fieldPath: {problem}")
        return
    if subscripted is not None:
        key = subscripted[2]
        if subscripted[1] == "metadata.annotations":
            key = key.lower()
        yield from causes.each_invalid(path, key, names.label_key(key))
        return
    found = "spec.nodeName" if wanted == "spec.host" else wanted
    if found not in allowed:
        yield causes.not_supported(where, found, allowed)


def resource_causes(reference: Document, path: str, *, of_file: bool = False) -> Iterator[Cause]:
    """What is wrong with a reference to what a container asks for; a file has to name the container."""
    wanted = reference.get("resource") or ""
    if of_file and not reference.get("containerName"):
        yield causes.required(f"{path}.containerName")
    elif not wanted:
        yield causes.required(f"{path}.resource")
    elif wanted not in _RESOURCES and not wanted.startswith(_HUGE):
        yield causes.not_supported(f"{path}.resource", wanted, _RESOURCES)
    divisor = reference.get("divisor")
    if divisor is not None and quantity(divisor):
        yield from _divisor(wanted, str(divisor), f"{path}.divisor")


def _divisor(resource: str, divisor: str, path: str) -> Iterator[Cause]:
    name = resource.partition(".")[2]
    if name == "cpu":
        if divisor not in {"1m", "1"}:
            text = "only divisor's values 1m and 1 are supported with the cpu resource"
            yield causes.invalid(path, resource, text)
        return
    sized = _SIZED.get("hugepages" if name.startswith("hugepages-") else name)
    if sized is not None and divisor not in _SIZES:
        text = f"only divisor's values {', '.join(_SIZES)} are supported with the {sized} resource"
        yield causes.invalid(path, resource, text)


def key_reference_causes(reference: Document, path: str) -> Iterator[Cause]:
    """What is wrong with a reference to a key of a config map or secret."""
    name, key = reference.get("name") or "", reference.get("key") or ""
    yield from causes.each_invalid(f"{path}.name", name, names.subdomain(name))
    if not key:
        yield causes.required(f"{path}.key")
    else:
        yield from key_causes(key, f"{path}.key")
