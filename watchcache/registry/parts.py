"""Which part of an object a path changes: the object itself, its status, and others.

A row takes the wanted and the stored document and gives what is to be stored; what the path does not
change comes from the stored one. Source: docs/semantics.md M17; k/k pkg/registry/*/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.registry import signing
from watchcache.registry.calls import Call, Document
from watchcache.registry.kinds import strategy_of
from watchcache.registry.strategy import Preparation, prepare_status, prepare_update

Part = Callable[[Preparation, Resource], Document]


def part_of(call: Call) -> Part:
    """The row for the path of a call; 405 for one that has no update."""
    try:
        return _PARTS[call.subresource]
    except KeyError:
        raise status.method_not_allowed() from None


def _whole(preparation: Preparation, resource: Resource) -> Document:
    prepare_update(preparation, resource, strategy_of(resource))
    return preparation.document


def _status(preparation: Preparation, resource: Resource) -> Document:
    return prepare_status(preparation, strategy_of(resource))


def _finalize(preparation: Preparation, _resource: Resource) -> Document:
    """A namespace's spec.finalizers; its metadata is taken as sent, its status is not."""
    new, old = preparation.document, preparation.old
    assert old is not None
    document = {**new}
    if "status" in old:
        document["status"] = old["status"]
    if not (document.get("spec") or {}).get("finalizers"):
        document["spec"] = {}
    return document


def _approval(preparation: Preparation, _resource: Resource) -> Document:
    """The conditions of a certificate signing request; the certificate goes through /status."""
    old = preparation.old
    assert old is not None
    wanted, known = (
        (each.get("status") or {}).get("conditions") or [] for each in (preparation.document, old)
    )
    conditions = signing.with_times(wanted, known, preparation.now)
    stored = {name: value for name, value in (old.get("status") or {}).items() if name != "conditions"}
    return {
        **_with_metadata(preparation),
        "status": {**stored, **({"conditions": conditions} if conditions else {})},
    }


def _with_metadata(preparation: Preparation) -> Document:
    assert preparation.old is not None
    return {**preparation.old, "metadata": preparation.document["metadata"]}


def _ephemeral_containers(preparation: Preparation, resource: Resource) -> Document:
    """Only spec.ephemeralContainers."""
    wanted = (preparation.document.get("spec") or {}).get("ephemeralContainers") or []
    return _pod_with(
        preparation, resource, {"ephemeralContainers": wanted} if wanted else {}, "ephemeralContainers"
    )


def _resize(preparation: Preparation, resource: Resource) -> Document:
    """Only the resources and resize policies of containers, found by name."""
    wanted, old = preparation.document.get("spec") or {}, preparation.old
    assert old is not None
    changed = {}
    for name in ("containers", "initContainers"):
        stored = (old.get("spec") or {}).get(name)
        if stored:
            asked = {container.get("name"): container for container in wanted.get(name) or ()}
            changed[name] = [_resized(container, asked.get(container.get("name"))) for container in stored]
    return _pod_with(preparation, resource, changed, "")


def _resized(container: Document, asked: Document | None) -> Document:
    if asked is None:
        return container
    return {**container, **{name: asked[name] for name in ("resources", "resizePolicy") if name in asked}}


def _pod_with(preparation: Preparation, resource: Resource, changes: Document, cleared: str) -> Document:
    """The stored pod with a changed spec, its generation moved when it did change."""
    old = preparation.old
    assert old is not None
    stored = old.get("spec") or {}
    spec = {name: value for name, value in stored.items() if name != cleared} | changes
    metadata = dict(old["metadata"])
    if spec != stored and resource.manages_generation:
        metadata["generation"] = metadata.get("generation", 0) + 1
    return {**old, "metadata": metadata, "spec": spec}


_PARTS: Final[dict[str, Part]] = {
    "": _whole,
    "status": _status,
    "finalize": _finalize,
    "approval": _approval,
    "ephemeralcontainers": _ephemeral_containers,
    "resize": _resize,
}
