"""The scale of a workload: one small document, `autoscaling/v1` Scale, over kinds that have replicas.

Its metadata is the object's, with the same resourceVersion: a stale scale is a conflict. Changing it
changes `spec.replicas` of the object, whose generation moves. Custom resources say themselves where these are.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import msgspec

from watchcache.api import status
from watchcache.api.catalog import GroupVersion, Resource
from watchcache.api.custom.scales import Unfit, number_at, text_at, with_number
from watchcache.api.fields import Shape, Tracker, from_scale, to_scale
from watchcache.api.fields.elements import field
from watchcache.api.label_selector import selector_text
from watchcache.api.meta import now_text
from watchcache.api.schema import Schema
from watchcache.api.status import Cause, GroupKind
from watchcache.api.structure import zero
from watchcache.registry import incoming, metadata
from watchcache.registry.addresses import Reservation
from watchcache.registry.admitting import admitted
from watchcache.registry.apply import Applying
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.incoming import BodyWording, Wording
from watchcache.registry.patch import patch_for
from watchcache.registry.store import Modify, Store, Stored, head_of, not_found, read_modify_write
from watchcache.registry.update import change

_VERSION: Final = GroupVersion("autoscaling", "v1")
_KIND: Final = ("autoscaling", "v1", "Scale")
_HEAD: Final = {"kind": "Scale", "apiVersion": "autoscaling/v1"}
_SHOWN_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_SCALED: Final = frozenset({"deployments", "replicasets", "statefulsets", "replicationcontrollers"})


UNSET: Final = -(2**31)
"""The replicas of a custom resource that has none, while they are being set; nothing may be scaled to it."""


def is_scale(call: Call) -> bool:
    """Whether the call is about the scale of a kind that has one."""
    if call.subresource != "scale":
        return False
    return call.resource.custom is not None or call.resource.plural in _SCALED


def scale_of(document: Document, resource: Resource, *, changing: bool = False) -> Document:
    """The scale of a workload's document.

    Raises StatusError 500 for a custom resource that has no replicas, unless these are about to be set (`changing`).
    """
    if resource.custom is not None and resource.custom.scale is not None:
        return _custom_scale(document, resource.custom.scale, UNSET if changing else None)
    spec, state = document.get("spec") or {}, document.get("status") or {}
    replicas = spec.get("replicas", 0)
    shown: Document = {"replicas": state.get("replicas", 0)}
    selector = selector_text(spec.get("selector") or {})
    if selector:
        shown["selector"] = selector
    return _scale(document, replicas, shown)


def _scale(document: Document, replicas: int, shown: Document) -> Document:
    own = document["metadata"]
    return {
        **_HEAD,
        "metadata": {name: own[name] for name in _SHOWN_METADATA if name in own},
        "spec": {"replicas": replicas} if replicas else {},
        "status": shown,
    }


def _custom_scale(document: Document, paths: Document, unset: int | None) -> Document:
    try:
        replicas = number_at(document, paths["specReplicasPath"])
        shown: Document = {"replicas": number_at(document, paths["statusReplicasPath"]) or 0}
        selector = text_at(document, paths["labelSelectorPath"]) if paths.get("labelSelectorPath") else None
    except Unfit as fault:
        raise status.internal(str(fault)) from None
    replicas = unset if replicas is None else replicas
    if replicas is None:
        raise status.internal(f'the spec replicas field "{paths["specReplicasPath"]}" does not exist')
    if selector:
        shown["selector"] = selector
    return _scale(document, replicas, shown)


def get_scale(store: Stored, call: Call) -> Outcome:
    """Read the scale; 404 when the workload is not there."""
    entry = store.cacher(call.resource).get(call.key)
    if entry is None:
        raise status.not_found(call.resource.group_resource, call.name)
    return Outcome(200, document=scale_of(store.document(call.resource, entry.value), call.resource))


async def update_scale(store: Store, call: Call, document: Document) -> Outcome:
    """Replace the scale."""
    version = (document.get("apiVersion") or "v1").rpartition("/")[2]
    wording = BodyWording(document.get("kind") or "Scale", version, "Scale")
    wanted = _accept(store, call, document, wording)
    if await head_of(store, call.key) is None:
        raise not_found(call)
    _check_replicas(call, wanted)

    async def modify(old: Document, revision: int) -> Document:
        metadata.check_uid_precondition(call, old, wanted["metadata"].get("uid") or "")
        return await _scaled(store, call, old, revision, wanted)

    return await _write(store, call, modify)


async def patch_scale(store: Store, call: Call, content_type: str, body: bytes) -> Outcome:
    """Patch the scale."""
    apply = await patch_for(store, call, content_type, body)

    async def modify(old: Document, revision: int) -> Document:
        patched, wording = apply(scale_of(old, call.resource, changing=True), _schema(store))
        wanted = _accept(store, call, patched, wording)
        _check_uid(call, old, wanted)
        _check_replicas(call, wanted)
        return await _scaled(store, call, old, revision, wanted)

    return await _write(store, call, modify)


async def apply_scale(store: Store, call: Call, body: bytes, force: bool) -> Outcome:
    """Apply a patch to the scale; who owns its replicas owns those of the workload.

    Of custom resources nothing can be changed so, as in kube-apiserver: conflicts are found, and what is already so is accepted.
    """
    head = await head_of(store, call.key)
    if head is None:
        raise not_found(call)
    if call.resource.custom is not None and not _scale_entries(
        store.document(call.resource, head.value), call.resource
    ):
        raise _inconvertible("failed to create manager for existing fields: failed to convert live object (/")
    applying = Applying(
        store,
        call,
        body,
        force,
        tracker=_tracker(store),
        kind="Scale",
        version=_VERSION,
        zero=zero(_schema(store)),
    )

    async def modify(old: Document, revision: int) -> Document:
        live = scale_of(old, call.resource)
        document, scaled = applying.on(live, _scale_entries(old, call.resource))
        if call.resource.custom is not None and document is not live:
            raise _inconvertible(f"failed to convert new object (/{call.name}")
        wanted = _accept(store, call, document, applying.wording)
        _check_uid(call, old, wanted)
        _check_replicas(call, wanted)
        return await _scaled(store, call, old, revision, wanted, scaled)

    return await _write(store, call, modify)


def _inconvertible(what: str) -> status.StatusError:
    """What kube-apiserver stumbles over: there is no conversion of the scale of a custom resource."""
    return status.untyped(
        f"{what}; autoscaling/v1, Kind=Scale) to proper version: "
        "request to convert CR to an invalid group/version: autoscaling/v1"
    )


def _tracker(store: Store) -> Tracker:
    return Tracker(_ScaleVersions(Shape.of(_schema(store))), str(_VERSION), "scale")


class _ScaleVersions(msgspec.Struct, frozen=True):
    """The one version of a scale."""

    only: Shape

    def shape(self, version: str) -> Shape | None:
        return self.only if version == str(_VERSION) else None

    def convert(self, document: Document, source: str, target: str) -> Document:
        del source, target
        return document


def _scale_entries(old: Document, resource: Resource) -> list[dict[str, Any]]:
    return to_scale(old["metadata"].get("managedFields") or [], _elements(resource))


async def _write(store: Store, call: Call, modify: Modify) -> Outcome:
    value = await read_modify_write(store, call, modify)
    return Outcome(200, document=scale_of(store.document(call.resource, value), call.resource))


def _schema(store: Store) -> Schema:
    schema = store.catalog.schema_of("autoscaling", "v1", "Scale")
    assert schema is not None, "the catalog has the Scale"
    return schema


def _accept(store: Store, call: Call, document: Document, wording: Wording) -> Document:
    kind = document.get("kind") or "Scale"
    if kind != "Scale":
        text = f'no kind "{kind}" is registered for version "autoscaling/v1" {incoming.SCHEME}'
        raise wording.refuse(text, text)
    wanted = incoming.shaped(call, document, _schema(store), wording)
    incoming.check_name(call, wanted)
    incoming.settle_namespace(call, wanted)
    return wanted


def _check_uid(call: Call, old: Document, wanted: Document) -> None:
    """The uid that a patch leaves in the scale says which object is meant; here the scale refuses, not the storage."""
    uid, held = wanted["metadata"].get("uid") or "", old["metadata"].get("uid", "")
    if uid and uid != held:
        about = GroupKind(call.resource.group, f"{call.resource.plural}/scale")
        raise status.conflict(about, call.name, status.unmet("UID", uid, held))


def _check_replicas(call: Call, wanted: Document) -> None:
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if call.resource.custom is not None:
        if replicas == UNSET:
            raise status.bad_request(f'the spec replicas field "{_path(call.resource)}" cannot be empty')
        return  # it is judged as a whole
    if replicas < 0:
        message = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = Cause("FieldValueInvalid", message, "spec.replicas")
        raise status.invalid(GroupKind("autoscaling", "Scale"), call.name, [cause])


async def _scaled(
    store: Store,
    call: Call,
    old: Document,
    revision: int,
    scale: Document,
    scaled: list[dict[str, Any]] | None = None,
) -> Document:
    """The workload with the replicas of a scale; `scaled` are the scale's managedFields, None for those that follow from the change."""
    before = scale_of(old, call.resource, changing=True)
    scale = await admitted(store, call, scale, _KIND, before)
    entries = old["metadata"].get("managedFields") or []
    if scaled is None and entries:
        scaled = _tracker(store).updated(
            before,
            scale,
            call.field_manager,
            now_text(store.clock()),
            entries=to_scale(entries, _elements(call.resource)),
            sent=None,
            track=False,
        )
    version, elements = call.resource.api_version, _elements(call.resource)
    entries = from_scale(entries, scaled or [], version, elements)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    stated = scale["metadata"].get("resourceVersion") or ""
    if not stated and call.resource.custom is not None:
        stated = old["metadata"][
            "resourceVersion"
        ]  # a scale without is no update without: not even of a custom resource
    own = {**old["metadata"], "resourceVersion": stated}
    wanted = {**with_number(old, _path(call.resource), replicas), "metadata": own}
    if call.resource.custom is not None:
        wanted = deepcopy(wanted)  # defaults are filled in
        call.resource.custom.complete(wanted)
    whole = _whole(call)
    with Reservation(store.allocator) as reservation:
        return await change(store, whole, old, revision, wanted, reservation, entries, judged=True)


def _path(resource: Resource) -> str:
    """Where the replicas are."""
    custom = resource.custom
    return ".spec.replicas" if custom is None or custom.scale is None else custom.scale["specReplicasPath"]


def _elements(resource: Resource) -> tuple[str, ...]:
    return tuple(map(field, _path(resource).removeprefix(".").split(".")))


def _whole(call: Call) -> Call:
    return Call(call.resource, call.user, "update", call.namespace, call.name, dry_run=call.dry_run)
