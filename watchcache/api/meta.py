"""The metadata of objects: what the server sets, what it keeps over an update, and what it refuses.

The rules are the same for every kind, but for the form of names. Causes are collected in kube-apiserver's order and as often as it names them: an
update is looked at by the generic part and again by the kind's strategy, hence the repeats, which `status.invalid` leaves out of the message.

Sources: apimachinery/pkg/api/validation/objectmeta.go, apiserver/pkg/registry/rest/{create,update}.go; measured on kube-apiserver 1.36
(docs/semantics.md M3, M13, M16, M18).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final

from watchcache.api import causes, names
from watchcache.api.catalog import Resource
from watchcache.api.status import Cause

_UUID_VERSION: Final = 0x4 << 76 | 0x2 << 62  # RFC 9562: version 4, variant 10
_UUID_FREE: Final = ~(0xF << 76 | 0x3 << 62)

Metadata = dict[str, Any]

ANNOTATIONS_LIMIT: Final = 256 * 1024
_SUFFIX_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no look-alikes
_SUFFIX_LENGTH: Final = 5
_BASE_LIMIT: Final = 63 - _SUFFIX_LENGTH
_STANDARD_FINALIZERS: Final = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
_QUALIFIED_ONLY_GROUPS: Final = frozenset({"apiextensions.k8s.io", "apiregistration.k8s.io"})
_UNQUALIFIED: Final = frozenset({"Event", "Lease", "PodDisruptionBudget", "RuntimeClass"})
"""Built-in kinds whose finalizers kube-apiserver does not ask for a domain. [M]"""
_OWNER_FIELDS: Final = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_BANNED_OWNER: Final = ("v1", "Event")
_IMMUTABLE: Final = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_SERVER_SET: Final = frozenset(
    {
        "selfLink",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)
_KEPT: Final = ("creationTimestamp", "generation")
_ORDER: Final = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
)


def now_text(now: float) -> str:
    """A time (unix seconds) as metadata has it: RFC 3339 in UTC, whole seconds."""
    return _second_text(int(now))


@lru_cache(maxsize=4)
def _second_text(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def new_uid(random: Random) -> str:
    """A version 4 UUID."""
    digits = (random.getrandbits(128) & _UUID_FREE | _UUID_VERSION).to_bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def generated_name(base: str, random: Random) -> str:
    """A name out of a generateName: the base, cut so that 63 bytes suffice, and five random letters."""
    return base[:_BASE_LIMIT] + "".join(random.choice(_SUFFIX_LETTERS) for _ in range(_SUFFIX_LENGTH))


def prepare_create(metadata: Mapping[str, Any], *, namespace: str, now: float, random: Random) -> Metadata:
    """The metadata of a new object, a fresh dict: what only the server sets is replaced or dropped (M18), a name is generated (M3).

    `namespace` is the path's, "" for cluster-scoped kinds. resourceVersion and generation stay as sent: they are the caller's business.
    """
    fresh = {key: value for key, value in metadata.items() if key not in _SERVER_SET and key != "namespace"}
    if not fresh.get("name") and fresh.get("generateName"):
        fresh["name"] = generated_name(fresh["generateName"], random)
    if namespace:
        fresh["namespace"] = namespace
    fresh["uid"] = new_uid(random)
    fresh["creationTimestamp"] = now_text(now)
    return in_order(fresh)


def without_servers_own(metadata: Mapping[str, Any]) -> Metadata:
    """The metadata that a client sends without what only the server sets."""
    return {key: value for key, value in metadata.items() if key not in _SERVER_SET}


def prepare_update(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> Metadata:
    """The metadata of an object that replaces `old`, a fresh dict: what a client may leave out or cannot change is taken over.

    Creation time and generation are always the old ones (a kind that manages its generation raises it afterwards), and so is the deletion time once
    there is one; uid and the grace period may be left out. What still differs is refused by `check_update`.
    """
    fresh = {key: value for key, value in metadata.items() if key not in _KEPT}
    for key in ("uid", "deletionGracePeriodSeconds", "namespace"):
        if fresh.get(key) in (None, "") and key in old:
            fresh[key] = old[key]
    if "deletionTimestamp" in old:
        fresh["deletionTimestamp"] = old["deletionTimestamp"]
    fresh |= {key: old[key] for key in _KEPT if key in old}
    return in_order(fresh)


def in_order(metadata: Metadata) -> Metadata:
    """The members in the order in which kube-apiserver prints the first of them."""
    return {key: metadata[key] for key in _ORDER if key in metadata} | metadata


def check_create(metadata: Mapping[str, Any], resource: Resource) -> list[Cause]:
    """What is wrong with the metadata of a new object; nothing when it may be stored."""
    found = _check_name(metadata, resource.name_rule) + _check_namespace(metadata, resource)
    found += _check_generation(metadata) + _check_marks(metadata) + _check_finalizers(metadata)
    return found + _unqualified_finalizers(metadata, resource)


def check_update(metadata: Mapping[str, Any], old: Mapping[str, Any], resource: Resource) -> list[Cause]:
    """What is wrong with the metadata of a changed object, after `prepare_update`; nothing when it may be stored."""
    marks = _check_marks(metadata)
    changes = _check_changes(metadata, old) + marks
    always = _check_generation(metadata) + marks + _check_finalizers(metadata)
    namespace = _check_namespace(metadata, resource)
    unqualified = _unqualified_finalizers(metadata, resource)
    generic = _check_name(metadata, "path") + namespace + always + changes
    strategy = (
        changes + unqualified + _check_name(metadata, resource.name_rule) + namespace + always + unqualified
    )
    return generic + strategy


def _check_generation(metadata: Mapping[str, Any]) -> list[Cause]:
    generation = metadata.get("generation") or 0
    if generation >= 0:
        return []
    return [causes.invalid("metadata.generation", generation, "must be greater than or equal to 0")]


def _check_marks(metadata: Mapping[str, Any]) -> list[Cause]:
    """Labels, annotations and owners: looked at wherever metadata is."""
    labels = label_causes(metadata.get("labels"), "metadata.labels")
    return labels + _check_annotations(metadata) + _check_owners(metadata)


def _check_name(metadata: Mapping[str, Any], rule: str) -> list[Cause]:
    name, base = metadata.get("name") or "", metadata.get("generateName") or ""
    found: list[Cause] = []
    if base:
        found = causes.each_invalid("metadata.generateName", base, names.generated_base(base, rule))
    if not name:
        return [*found, causes.required("metadata.name", "name or generateName is required")]
    return found + causes.each_invalid("metadata.name", name, names.RULES[rule](name))


def _check_namespace(metadata: Mapping[str, Any], resource: Resource) -> list[Cause]:
    namespace = metadata.get("namespace") or ""
    if not resource.namespaced:
        return [causes.forbidden("metadata.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [causes.required("metadata.namespace")]
    return causes.each_invalid("metadata.namespace", namespace, names.label(namespace))


def label_causes(labels: Mapping[str, str] | None, field: str) -> list[Cause]:
    """What is wrong with the keys and values of labels."""
    found: list[Cause] = []
    for key, value in (labels or {}).items():
        found += causes.each_invalid(field, key, names.label_key(key))
        found += causes.each_invalid(field, value, names.label_value(value))
    return found


def _check_annotations(metadata: Mapping[str, Any]) -> list[Cause]:
    """Keys are qualified names in any case; all of them together are bounded."""
    found: list[Cause] = []
    size = 0
    for key, value in (metadata.get("annotations") or {}).items():
        found += causes.each_invalid("metadata.annotations", key, names.label_key(key.lower()))
        size += _size(key) + _size(value)
    if size > ANNOTATIONS_LIMIT:
        found.append(causes.too_long("metadata.annotations", ANNOTATIONS_LIMIT))
    return found


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _check_owners(metadata: Mapping[str, Any]) -> list[Cause]:
    """Each owner is named in full, and at most one of them controls."""
    path = "metadata.ownerReferences"
    owners = metadata.get("ownerReferences")
    found: list[Cause] = []
    if not owners:
        return found
    controller = ""
    for owner in owners:
        found += _check_owner(owner, path)
        if not owner.get("controller"):
            continue
        current = f"{owner.get('kind', '')}/{owner.get('name', '')}"
        if controller:
            text = f'Only one reference can have Controller set to true. Found "true" in references for {controller} and {current}'
            found.append(causes.invalid(path, [_owner(each) for each in owners], text))
        controller = controller or current
    return found


def _check_owner(owner: Mapping[str, Any], path: str) -> list[Cause]:
    version = owner.get("apiVersion") or ""
    found = []
    if version.count("/") > 1 or not version.rpartition("/")[2]:
        found.append(causes.invalid(f"{path}.apiVersion", version, "version must not be empty"))
    absent = [key for key in ("kind", "name", "uid") if not owner.get(key)]
    found += [causes.invalid(f"{path}.{key}", "", "must not be empty") for key in absent]
    if (version.removeprefix("/"), owner.get("kind")) == _BANNED_OWNER:
        found.append(causes.invalid(path, _owner(owner), "/v1, Kind=Event is disallowed from being an owner"))
    return found


def _owner(owner: Mapping[str, Any]) -> dict[str, Any]:
    """An owner with its members in Go's order, for a message."""
    return {key: owner[key] for key in _OWNER_FIELDS if key in owner}


def _check_finalizers(metadata: Mapping[str, Any]) -> list[Cause]:
    path = "metadata.finalizers"
    finalizers = metadata.get("finalizers")
    if not finalizers:
        return []
    found = [causes.invalid(path, name, text) for name in finalizers for text in names.label_key(name)]
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(causes.invalid(path, list(finalizers), text))
    return found


def _unqualified_finalizers(metadata: Mapping[str, Any], resource: Resource) -> list[Cause]:
    """Built-in kinds take finalizers without a domain only if Kubernetes has them, all but a few; custom resources and definitions take any."""
    finalizers = metadata.get("finalizers")
    if not finalizers or not resource.builtin:
        return []
    if resource.group in _QUALIFIED_ONLY_GROUPS or resource.kind in _UNQUALIFIED:
        return []
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        causes.invalid(f"metadata.finalizers[{index}]", name, text)
        for index, name in enumerate(finalizers)
        if "/" not in name and name not in _STANDARD_FINALIZERS
    ]


def _check_changes(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> list[Cause]:
    """What may not change, or not while the object is being deleted."""
    found = _new_finalizers(metadata, old) if old.get("deletionTimestamp") else []
    generation = metadata.get("generation") or 0
    if generation < (old.get("generation") or 0):
        found.append(causes.invalid("metadata.generation", generation, "must not be decremented"))
    for key in _IMMUTABLE:
        if _stated(metadata, key) != _stated(old, key):
            found.append(causes.immutable(f"metadata.{key}", metadata.get(key)))
    return found


def _stated(metadata: Mapping[str, Any], key: str) -> Any:
    """A member, None when it is absent or an empty text; a grace period of 0 is stated."""
    value = metadata.get(key)
    return None if value == "" else value


def _new_finalizers(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> list[Cause]:
    extra = sorted(set(metadata.get("finalizers") or ()) - set(old.get("finalizers") or ()))
    if not extra:
        return []
    listed = ", ".join(f'"{name}"' for name in extra)
    text = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
    return [causes.forbidden("metadata.finalizers", text)]
