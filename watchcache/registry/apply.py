"""Server-side apply: a PATCH that says what its sender wants to own (M8).

The patch is merged into what is stored, what its manager owned before and states no more is taken away, and the result goes the way of a
PUT; where nothing is stored it goes the way of a POST. Who owns what, and what is a conflict, is `watchcache.api.fields`'.
Texts: measured on kube-apiserver 1.36; k/k apiserver/pkg/endpoints/handlers/patch.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchcache.api import status
from watchcache.api.catalog import GroupVersion
from watchcache.api.codec import DecodeError, decode_json, decode_yaml, duplicate_fields, yaml_duplicates
from watchcache.api.fields import Conflicts, MalformedEntries, Misfit, Tracker
from watchcache.api.json_text import TYPE_NAMES
from watchcache.api.meta import now_text
from watchcache.api.status import StatusError
from watchcache.api.structure.conform import TOO_DEEP
from watchcache.registry import create, incoming, owners
from watchcache.registry.addresses import Reservation
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.owners import Entries
from watchcache.registry.permission import check_creation
from watchcache.registry.store import Store, head_of, not_found, read_modify_write
from watchcache.registry.update import change
from watchcache.registry.versions import spoken

TYPE = "application/apply-patch+yaml"


async def apply(store: Store, call: Call, body: bytes, force: bool) -> Outcome:
    """Apply the patch to the object that the call names, or create it."""
    while True:
        if await head_of(store, call.key) is not None:
            try:
                return await _apply_to_stored(store, call, body, force)
            except StatusError as error:
                if error.code != 404 or await head_of(store, call.key) is not None:
                    raise
        if call.subresource:
            raise not_found(call)
        outcome = await _apply_to_nothing(store, call, body, force)
        if outcome is not None:
            return outcome


async def _apply_to_stored(store: Store, call: Call, body: bytes, force: bool) -> Outcome:
    applying = Applying(store, call, body, force)
    with Reservation(store.allocator) as reservation:

        async def modify(old: Document, revision: int) -> Document:
            entries = old["metadata"].get("managedFields")
            document, entries = applying.on(spoken(old, call.resource), entries)
            accepted = incoming.accept(store.catalog, call, document, applying.wording)
            return await change(store, call, old, revision, accepted, reservation, entries)

        value = await read_modify_write(store, call, modify)
    return store.outcome(call, 200, value)


async def _apply_to_nothing(store: Store, call: Call, body: bytes, force: bool) -> Outcome | None:
    """The new object; None when somebody else has just made one."""
    applying = Applying(store, call, body, force)
    document, entries = applying.on(applying.zero, None)
    accepted = incoming.accept(store.catalog, call, document, applying.wording, new=True)
    metadata = accepted["metadata"]
    incoming.check_name(call, accepted)
    if metadata.get("uid"):
        text = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
        raise status.conflict(call.resource.group_resource, call.name, text)
    metadata.pop("resourceVersion", None)
    metadata.pop("managedFields", None)
    if entries:
        metadata["managedFields"] = entries
    check_creation(store, call)
    try:
        return await create.store_new(store, call, accepted)
    except StatusError as error:
        if error.reason == "AlreadyExists":
            return None
        raise


class Applying:
    """An apply patch, parsed, for the documents of a kind in a version. Making one raises StatusError 400."""

    def __init__(
        self,
        store: Store,
        call: Call,
        body: bytes,
        force: bool,
        *,
        tracker: Tracker | None = None,
        kind: str = "",
        version: GroupVersion | None = None,
        zero: Document | None = None,
    ) -> None:
        """What is not said is that of the call's resource; its scale is another kind in another version."""
        self._store = store
        self._call = call
        self._force = force
        self._body = body
        self._config, self._is_json = _read(body)
        self._tracker = tracker or owners.tracker_of(store.catalog, call)
        self.zero = owners.empty(call.resource) if zero is None else zero
        self.wording = ApplyWording(_named(self._config))
        metadata = self._config.get("metadata")
        wanted = _kind_text(version or call.resource.group_version, kind or call.resource.kind)
        if _kind_of(self._config) != wanted:
            raise status.bad_request(f"invalid object type: {_kind_of(self._config)}")
        if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
            raise status.bad_request("metadata.managedFields must be nil")

    def on(self, live: Document, entries: Entries | None) -> tuple[Document, Entries]:
        """What the patch makes of a document, and of the owners of its fields. Raises StatusError."""
        try:
            applied = self._tracker.applied(
                live,
                self._config,
                self._call.field_manager,
                now_text(self._store.clock()),
                entries=entries,
                force=self._force,
                zero=self.zero,
            )
        except Conflicts as conflicts:
            raise status.apply_conflict(
                str(conflicts), [(str(each.owner), each.field) for each in conflicts.conflicts]
            ) from None
        except Misfit as misfit:
            text = f"failed to create typed patch object ({_named(self._config)}): {misfit}"
            raise status.untyped(text) from None
        except MalformedEntries as error:
            raise status.untyped(f"failed to decode managed fields: {error}") from None
        except RecursionError:
            raise _too_deep() from None
        self._report_repeats()
        return applied

    def _report_repeats(self) -> None:
        """Keys that are there twice: the last counted, and it is said."""
        call = self._call
        if call.field_validation == "Ignore":
            return
        if self._is_json and not duplicate_fields(self._body, self._config):
            return
        repeats = yaml_duplicates(self._body)
        if repeats and call.field_validation == "Strict":
            lines = "\n  ".join(repeats)
            text = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {lines}"
            raise status.bad_request(text)
        call.warnings.extend(text for text in repeats if text not in call.warnings)


class ApplyWording(msgspec.Struct, frozen=True):
    """Of what an apply patch made and no type takes: 500, naming the patch."""

    named: str

    def refuse(self, message: str, restored: str) -> StatusError:
        """The conversion's words, not the decoder's."""
        kind = self.named.partition("; ")[2]
        return status.untyped(
            f"failed to convert new object ({self.named}) to proper version: "
            f"unable to convert unstructured object to {kind}: {restored or message}"
        )


def _read(body: bytes) -> tuple[Document, bool]:
    """The patch, and whether it is JSON, as kubectl's and client-go's are: it takes a hundredth of the time that YAML takes."""
    if body[:1] == b"{":
        try:
            return _whole_numbers(decode_json(body)), True
        except DecodeError:
            pass  # YAML may begin so, too
        except RecursionError:
            raise _too_deep() from None
    try:
        decoded = decode_yaml(body)
    except DecodeError as error:
        raise status.bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    if decoded is None:
        return {}, False
    if not isinstance(decoded, dict):
        what = TYPE_NAMES[type(decoded)]
        raise status.bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        )
    return decoded, False


def _whole_numbers(value: Any) -> Any:
    """Numbers without a fraction as whole ones, which they become on their way through YAML."""
    if isinstance(value, dict):
        return {name: _whole_numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _too_deep() -> StatusError:
    return status.bad_request(f"error decoding YAML: {TOO_DEEP}")


def _named(config: Document) -> str:
    """A patch as errors name it: namespace, name and kind as it states them."""
    metadata = config.get("metadata")
    stated: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
    return f"{_text(stated, 'namespace')}/{_text(stated, 'name')}; {_kind_of(config)}"


def _kind_of(config: Document) -> str:
    group, _, version = _text(config, "apiVersion").rpartition("/")
    return _kind_text(GroupVersion(group, version), _text(config, "kind"))


def _kind_text(version: GroupVersion, kind: str) -> str:
    """As Go prints a GroupVersionKind."""
    return f"{version.group}/{version.version}, Kind={kind}"


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""
