r"""How kube-apiserver lays objects out in etcd, to and from our values: `{"kind":"Pod","apiVersion":"v1","metadata":{"name":...`.

What is stored has kind and apiVersion first and no resourceVersion, which is etcd's own; our values (see `codec`) have it the other way round. The
bytes between are the same, so in the common case nothing is parsed in either direction. What is not in that form is decoded: another
order or version, values that name resource versions somewhere, and Kubernetes' protobuf (`k8s\0`), which a kube-apiserver writes by default.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import VALUE_PREFIX, encode, stamp, value_of
from watchcache.api.conversion import convert, converts
from watchcache.api.custom.resources import resources_of, unmarked

NODE_PORTS: Final = "ranges/servicenodeports"
"""The key of the one object that is read and written but not served: a RangeAllocation, which says what node ports are taken."""
_RANGES: Final = ("RangeAllocation", "v1", b'{"kind":"RangeAllocation","apiVersion":"v1",')
PROTOBUF: Final = b"k8s\x00"
_ENCRYPTED: Final = b"k8s:enc:"
_METADATA: Final = b'"metadata":{'
_NAMED_REVISION: Final = b'"resourceVersion":'
_decode = msgspec.json.Decoder().decode


class Unreadable(ValueError):
    """A stored value that cannot be served; the text says why."""


class StoredForm:
    """The form of all kinds of a catalog, and of custom resources whether they are in it or not.

    A key whose first part is a domain is an instance's if the value says so, too: definitions and instances come in no particular order.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._resources = {resource.storage_prefix: resource for resource in catalog.stored()}
        self._customs: dict[
            str, bytes
        ] = {}  # what stands before the values of custom resources, by storage prefix

    def resource_of(self, key: str) -> Resource | None:
        """The resource that a key belongs to; None for what lies beside (leases of masters, ranges of addresses, ...)."""
        first = key.find("/")
        found = self._resources.get(key[:first])
        return found or self._resources.get(key[: key.find("/", first + 1)])

    def place(self, key: str) -> str:
        """The storage prefix of a key, "" for none of ours."""
        resource = self.resource_of(key)
        if resource is not None:
            return resource.storage_prefix
        return "" if self._custom_head(key) is None else _custom_prefix(key)

    def learn(self, definition: dict[str, Any]) -> None:
        """Know how instances of a definition are written, whether they are served or not."""
        for resource in resources_of(definition, 0, self._catalog.definitions, all_versions=True)[:1]:
            assert resource.custom is not None
            self._customs[resource.storage_prefix] = resource.custom.storage_head

    def encode(self, key: str, value: bytes) -> bytes:
        """What is stored for a value."""
        kind = self._kind_of(key)
        head = self._custom_head(key) if kind is None else kind[2]
        if head is None:
            raise ValueError(f"{key} is no key of a kind that is served")
        if kind is None:
            value, version = unmarked(value)
            if version:
                head = b'{"apiVersion":%b,%b' % (version, head[head.index(b'"kind"') :])
        start = value.index(b'"', len(VALUE_PREFIX)) + 1
        if value[start : start + 1] == b",":
            start += 1
        return b"%b%b%b" % (head, _METADATA, value[start:])

    def _custom_head(self, key: str) -> bytes | None:
        """What stands before a custom resource: as it is served now, else as it was read or learned last."""
        prefix = _custom_prefix(key)
        group, _, plural = prefix.partition("/")
        for version in self._catalog.versions(group):
            resource = self._catalog.find(group, version, plural)
            if resource is not None and resource.custom is not None:
                return resource.custom.storage_head
        return self._customs.get(prefix)

    def decode(self, key: str, stored: bytes, revision: int) -> bytes | None:
        """The value, stamped with its revision; None for a key that is not ours. Raises Unreadable."""
        kind = self._kind_of(key)
        if kind is None:
            return self._decode_custom(key, stored, revision)
        head = len(kind[2]) + len(_METADATA)
        if stored[:head] == kind[2] + _METADATA and _NAMED_REVISION not in stored:
            body = stored[head:-1] if stored.endswith(b"\n") else stored[head:]
            return b'%b%d"%b%b' % (VALUE_PREFIX, revision, b"" if body[:1] == b"}" else b",", body)
        return stamp(value_of(self._document(kind[0], kind[1], stored)), revision)

    def _decode_custom(self, key: str, stored: bytes, revision: int) -> bytes | None:
        prefix = _custom_prefix(key)
        if not prefix or not stored.lstrip().startswith(b"{"):
            return None
        document = _read(stored)
        version, kind = document.get("apiVersion"), document.get("kind")
        if (
            not isinstance(version, str)
            or not isinstance(kind, str)
            or not isinstance(document.get("metadata"), dict)
        ):
            return None
        if _split(version)[0] != prefix.partition("/")[0]:
            return None
        self._customs[prefix] = b'{"apiVersion":%b,"kind":%b,' % (encode(version), encode(kind))
        return stamp(value_of(document), revision)

    def _kind_of(self, key: str) -> tuple[str, str, bytes] | None:
        """Kind, apiVersion, and the bytes with both; None for a key that is not ours."""
        resource = self.resource_of(key)
        if resource is not None:
            return resource.kind, resource.api_version, resource.head
        return _RANGES if key == NODE_PORTS else None

    def _document(self, kind: str, api_version: str, stored: bytes) -> dict[str, Any]:
        document = _read(stored)
        if document.get("kind") != kind:
            raise Unreadable(f"it is a {document.get('kind')}, not a {kind}")
        version = document.get("apiVersion", "")
        if version == api_version:
            return document
        served = isinstance(version, str) and self._catalog.of_kind(*_split(version), kind)
        if not served and not converts(version, api_version):
            raise Unreadable(f"its version {version} is not served")
        return convert(document, version, api_version)


def _custom_prefix(key: str) -> str:
    """The storage prefix of an instance of a custom resource, `GROUP/PLURAL`; "" for other keys."""
    parts = key.split("/")
    return "/".join(parts[:2]) if 3 <= len(parts) <= 4 and "." in parts[0] else ""


def _split(version: str) -> tuple[str, str]:
    group, _, name = version.rpartition("/")
    return group, name


def _read(stored: bytes) -> dict[str, Any]:
    if stored.startswith(PROTOBUF):
        return _read_protobuf(stored)
    if stored.startswith(_ENCRYPTED):
        raise Unreadable("it is encrypted (--encryption-provider-config), which is not supported")
    try:
        document = _decode(stored)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise Unreadable(f"it is no JSON ({problem})") from None
    if not isinstance(document, dict):
        raise Unreadable("it is no object")
    return document


def _read_protobuf(stored: bytes) -> dict[str, Any]:
    # Its tables are read when the first such value is: a store in JSON does without.
    from watchcache.api.protobuf import MalformedMessageError, decode  # noqa: PLC0415

    try:
        return decode(stored)
    except MalformedMessageError as problem:
        raise Unreadable(f"its protobuf cannot be read ({problem})") from None
