"""From what a client sent to a document in the storage version: identity, structure, defaults, conversion.

The order is kube-apiserver's, because of two faults in one request the first one answers:
kind and apiVersion -> types and unknown fields -> name -> namespace -> (defaults, conversion).

A document that comes out of here is a fresh one in canonical form: pruned, with zero values as Go prints
them and all defaults, so that two documents that mean the same compare equal.
Texts: golden exchanges 57, 58, 60, 64; docs/semantics.md M7, M21.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from watchcache.api import causes, status
from watchcache.api.catalog import Catalog, Resource
from watchcache.api.codec import encode
from watchcache.api.custom.resources import OBJECT_META, Custom
from watchcache.api.defaulting import apply_defaults
from watchcache.api.patch.gotext import printed
from watchcache.api.schema import Schema
from watchcache.api.status import Cause, GroupKind, StatusError
from watchcache.api.structure import TypeMismatch, conform, strict_error, zero
from watchcache.registry.calls import Call, Document
from watchcache.registry.kinds import strategy_of
from watchcache.registry.pod_specs import finished_spec
from watchcache.registry.versions import incoming

SCHEME: Final = 'in scheme "pkg/runtime/scheme.go:111"'
"""Where kube-apiserver 1.36 registers its types; part of a message that tests compare."""
_REPEATED: Final = 'duplicate field "'
_INTERNAL_PACKAGES: Final = {"": "core", "events.k8s.io": "core"}
"""Go package of a group's internal types where it is not the group's first word."""


class Wording(Protocol):
    """How a document that does not fit its type is refused: depends on where it came from."""

    def refuse(self, message: str, restored: str) -> StatusError:
        """`message` is Go's text; `restored` how strategic merge patch words it."""


class BodyWording(msgspec.Struct, frozen=True):
    """Of a POST's or PUT's body: 400."""

    kind: str
    version: str
    wanted: str

    def refuse(self, message: str, restored: str) -> StatusError:
        """The text names what the document says it is and what was wanted."""
        del restored
        return status.bad_request(
            f'{self.kind} in version "{self.version}" cannot be handled as a {self.wanted}: {message}'
        )


class PatchedWording(msgspec.Struct, frozen=True):
    """Of what a JSON or merge patch made: 422, quoting the whole result."""

    document: Document

    def refuse(self, message: str, restored: str) -> StatusError:
        """The cause is on the field `patch`; the object is not named."""
        del restored
        text = encode_sorted(self.document)
        return _patch_invalid(quoted(text), message)


class StrategicWording(msgspec.Struct, frozen=True):
    """Of what a strategic merge patch made: 422, quoting the patch as Go prints a map."""

    patch: Document

    def refuse(self, message: str, restored: str) -> StatusError:
        """Strategic patches are decoded by another decoder, with its own words for a wrong type."""
        return _patch_invalid(quoted(printed(self.patch)), restored or message)


def _patch_invalid(value: str, message: str) -> StatusError:
    cause = Cause("FieldValueInvalid", f"Invalid value: {value}: {message}", "patch")
    return status.invalid(GroupKind("", ""), "", [cause])


def encode_sorted(document: Document) -> str:
    """JSON with the top level in the order of its names, as Go writes a map of raw members."""
    return msgspec.json.encode({name: document[name] for name in sorted(document)}).decode()


def quoted(text: str) -> str:
    """A Go string literal of a JSON text or a printed map (strconv.Quote, for text without control characters)."""
    return encode(text).decode()


def body_wording(call: Call, document: Document) -> BodyWording:
    """For the body of a call."""
    version = (document.get("apiVersion") or call.resource.api_version).rpartition("/")[2]
    return BodyWording(document.get("kind") or call.resource.kind, version, call.resource.kind)


def check_type(catalog: Catalog, resource: Resource, document: Document, wording: Wording) -> None:
    """Kind and apiVersion may be missing, but what is there must be the resource's."""
    kind = document.get("kind") or resource.kind
    version = document.get("apiVersion") or ("" if resource.custom is not None else resource.api_version)
    if kind == resource.kind and version == resource.api_version:
        return
    if resource.custom is not None:
        raise _other_type(resource, kind, version, document)
    group, _, short = version.rpartition("/")
    other = catalog.of_kind(group, short, kind)
    if other is not None and other.storage_prefix == resource.storage_prefix:
        raise _other_version(version, resource)
    if catalog.schema_of(group, short, kind) is None:
        text = f'no kind "{kind}" is registered for version "{version}" {SCHEME}'
    else:
        package = _INTERNAL_PACKAGES.get(resource.group, resource.group.partition(".")[0])
        text = f"converting ({short}.{kind}) to ({package}.{resource.kind}): unknown conversion"
    raise wording.refuse(text, text)


def _other_type(resource: Resource, kind: str, version: str, document: Document) -> StatusError:
    """What another kind or version than a custom resource's own is refused with."""
    if version != resource.api_version:
        return _other_version(version, resource)
    cause = causes.invalid("kind", kind, f"must be {resource.kind}")
    return status.invalid(
        GroupKind(resource.group, kind), (document.get("metadata") or {}).get("name") or "", [cause]
    )


def _other_version(version: str, resource: Resource) -> StatusError:
    return status.bad_request(
        f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
    )


def check_name(call: Call, document: Document) -> None:
    """The name in a document must be the one in the URL (M7)."""
    name = document["metadata"].get("name") or ""
    if not name:
        text = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise status.bad_request(text)
    if name != call.name:
        raise status.bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )


def settle_namespace(call: Call, document: Document) -> None:
    """The namespace in a document must be the one in the URL, which it gets when it has none (M7, golden 64)."""
    metadata = document["metadata"]
    if not call.resource.namespaced:
        metadata.pop("namespace", None)
    elif (metadata.get("namespace") or call.namespace) != call.namespace:
        text = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(text)
    else:
        metadata["namespace"] = call.namespace


def _drop_repeated_owners(call: Call, metadata: Document) -> None:
    """An owner that is named twice in the same words counts once, with a warning."""
    owners = metadata.get("ownerReferences") or ()
    kept: list[Document] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(owner.get("uid", ""))
        else:
            kept.append(owner)
    if repeated:
        metadata["ownerReferences"] = kept
        text = (
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
            f"reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {', '.join(repeated)}"
        )
        if text not in call.warnings:
            call.warnings.append(text)


def shaped(call: Call, document: Document, schema: Schema, wording: Wording) -> Document:
    """The document in the form of its type: types checked, unknown fields dropped or refused as the call wants."""
    try:
        conformed = conform(document, schema)
    except TypeMismatch as mismatch:
        raise wording.refuse(str(mismatch), mismatch.restored) from None
    if conformed.problems or call.repeated:
        _report(call, _all_problems(call, conformed.problems, document), wording)
    if not isinstance(conformed.document.get("metadata"), dict):
        conformed.document["metadata"] = {}
    return conformed.document


def _report(call: Call, problems: list[str], wording: Wording) -> None:
    if call.field_validation == "Strict":
        text = strict_error(problems)
        raise wording.refuse(text, text)
    if call.field_validation != "Ignore":
        _warn(call, problems)


def _warn(call: Call, texts: Iterable[str]) -> None:
    call.warnings.extend(text for text in texts if text not in call.warnings)


def _all_problems(call: Call, unknown: list[str], document: Document) -> list[str]:
    """Unknown and repeated fields together.

    Of a JSON body in its order; a field that is unknown is not reported again for being repeated. Repeated keys of YAML
    and all that is wrong with a patch itself come first, and what a patch made has its members sorted.
    """
    if call.verb == "patch":
        return call.repeated + sorted(unknown, key=_path_of)
    if not call.repeated or not call.repeated[0].startswith(_REPEATED):
        return call.repeated + unknown
    paths = [_path_of(problem) for problem in unknown]
    known = [each for each in call.repeated if not any(_is_within(_path_of(each), path) for path in paths)]
    places = {name: place for place, name in enumerate(document)}
    return sorted(unknown + known, key=lambda problem: places.get(_top_of(_path_of(problem)), 0))


def _path_of(problem: str) -> str:
    """The field that `unknown field "spec.bogus"` is about."""
    return problem.partition('"')[2].removesuffix('"')


def _top_of(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def accept(
    catalog: Catalog, call: Call, document: Document, wording: Wording | None = None, *, new: bool = False
) -> Document:
    """The document of a POST (`new`) or PUT, or the result of a patch, ready for the kind's strategy."""
    resource = call.resource
    wording = wording or body_wording(call, document)
    check_type(catalog, resource, document, wording)
    finished = finished_spec(resource, document) if new else None
    if finished is not None:
        document = {**document, "spec": {}}
    if resource.custom is None:
        accepted = shaped(call, document, resource.schema, wording)
    else:
        accepted = _shaped_custom(catalog, call, document, resource.custom, wording)
    accepted["kind"], accepted["apiVersion"] = resource.kind, resource.api_version
    if not new:
        check_name(call, accepted)
    settle_namespace(call, accepted)
    _drop_repeated_owners(call, accepted["metadata"])
    strategy = strategy_of(resource)
    drops_status = new and resource.has_status and not strategy.keeps_status_on_create
    if resource.custom is not None:
        if drops_status:
            accepted.pop("status", None)
        resource.custom.complete(accepted)
        return accepted
    if drops_status:
        accepted["status"] = zero(resource.schema.properties["status"])
    if finished is None:
        apply_defaults(accepted, resource.schema)
    else:
        accepted["spec"] = finished  # what else there is in a new pod has no defaults
    if strategy.warn is not None:
        _warn(call, strategy.warn(accepted))
    return incoming(accepted, resource)


def _shaped_custom(
    catalog: Catalog, call: Call, document: Document, custom: Custom, wording: Wording
) -> Document:
    """A custom resource's document in the form that its definition wants."""
    # Only here: a server without definitions does without the modules behind it.
    from watchcache.api.custom.content import shaped as shape_custom  # noqa: PLC0415

    try:
        own, unknown = shape_custom(document, custom, catalog.definitions.find(OBJECT_META))
    except TypeMismatch as mismatch:
        raise wording.refuse(str(mismatch), mismatch.restored) from None
    if unknown or call.repeated:
        _report(call, call.repeated + unknown, wording)
    return own
