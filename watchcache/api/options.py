"""The options of requests, read from a query and validated in kube-apiserver's words.

Faults are found in kube-apiserver's order: numbers (400), selectors (400), rules between options (422, all at once); fields that the kind does not select by
and the form of resourceVersion (`revisions`) are looked at by who serves the request. Source: apimachinery/pkg/apis/meta/v1/conversion.go,
.../v1/validation/validation.go, .../internalversion/validation/validation.go; measured on kube-apiserver 1.36 (docs/semantics.md L7-L13,
W2, W5-W7, M19, M21).
"""

from __future__ import annotations

from typing import Final

import msgspec

from watchcache.api import causes
from watchcache.api.delete_options import DeleteOptions, parse_delete
from watchcache.api.labels import LabelSelector
from watchcache.api.parameters import Query, boolean, dry_run_causes, integer, refuse, text_of
from watchcache.api.selectors import FieldSelector, parse_fields, parse_labels
from watchcache.api.status import Cause

__all__ = [
    "EXACT",
    "NOT_OLDER_THAN",
    "DeleteOptions",
    "ListOptions",
    "Query",
    "WriteOptions",
    "parse_create",
    "parse_delete",
    "parse_list",
    "parse_patch",
    "parse_update",
]

EXACT: Final = "Exact"
NOT_OLDER_THAN: Final = "NotOlderThan"
_FIELD_VALIDATIONS: Final = ("", "Ignore", "Strict", "Warn")
MANAGER_LIMIT: Final = 128
"""Bytes of a field manager's name."""


class ListOptions(msgspec.Struct, frozen=True):
    """Options of a list, watch or deletecollection. `limit` 0 is none; `timeout_seconds` None when not asked for, negative as sent."""

    label_selector: LabelSelector = LabelSelector()
    field_selector: FieldSelector = FieldSelector()
    """As sent: `field_selector.supported_by(resource)` refuses what the kind does not select by."""
    watch: bool = False
    allow_watch_bookmarks: bool = False
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: int | None = None
    limit: int = 0
    continue_token: str = ""
    send_initial_events: bool | None = None


class WriteOptions(msgspec.Struct, frozen=True):
    """Options of a create, update or patch; `field_validation` "" means Warn, `field_manager` "" the User-Agent's name."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = ""
    force: bool = False
    """Of an apply patch: take fields over from other managers."""


_NOT_ASKED: Final = WriteOptions()


def parse_list(query: Query, *, watch: bool = False) -> ListOptions:
    """Options of a list or, when `watch`, of a watch with its defaults filled in (W2). Raises StatusError 400 and 422."""
    timeout = integer(query, "timeoutSeconds")
    limit = integer(query, "limit")
    options = ListOptions(
        label_selector=parse_labels(text_of(query, "labelSelector")),
        field_selector=parse_fields(text_of(query, "fieldSelector")),
        watch=watch,
        allow_watch_bookmarks=boolean(query, "allowWatchBookmarks") or False,
        resource_version=text_of(query, "resourceVersion"),
        resource_version_match=text_of(query, "resourceVersionMatch"),
        timeout_seconds=timeout,
        limit=max(limit or 0, 0),
        continue_token=text_of(query, "continue"),
        send_initial_events=boolean(query, "sendInitialEvents"),
    )
    options = _with_watch_defaults(options) if watch else options
    refuse("ListOptions", _watch_causes(options) if watch else _list_causes(options))
    return options


def _with_watch_defaults(options: ListOptions) -> ListOptions:
    """A watch from nowhere in particular begins with the current objects, as it did before there was a parameter for that."""
    stated = options.send_initial_events is not None or options.resource_version_match
    if stated or options.resource_version not in ("", "0"):
        return options
    return msgspec.structs.replace(options, send_initial_events=True, resource_version_match=NOT_OLDER_THAN)


def _list_causes(options: ListOptions) -> list[Cause]:
    match = options.resource_version_match
    revision = options.resource_version
    found: list[Cause] = []
    if match and not revision:
        found.append(_match_forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if match and options.continue_token:
        found.append(_match_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    if match not in ("", EXACT, NOT_OLDER_THAN):
        found.append(causes.not_supported("resourceVersionMatch", match, (EXACT, NOT_OLDER_THAN, "")))
    if match == EXACT and revision == "0":
        found.append(_match_forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        found.append(causes.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return found


def _watch_causes(options: ListOptions) -> list[Cause]:
    match = options.resource_version_match
    initial = options.send_initial_events is not None
    found: list[Cause] = []
    if initial and match != NOT_OLDER_THAN:
        text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        found.append(_match_forbidden(text))
    if match and not initial:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        found.append(_match_forbidden(text))
    if match not in ("", NOT_OLDER_THAN):
        found.append(causes.not_supported("resourceVersionMatch", match, (NOT_OLDER_THAN,)))
    if match and options.continue_token:
        found.append(_match_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    return found


def parse_create(query: Query) -> WriteOptions:
    """Options of a POST; raises StatusError 422."""
    return _write_options(query, "CreateOptions", [])


def parse_update(query: Query) -> WriteOptions:
    """Options of a PUT; raises StatusError 422."""
    return _write_options(query, "UpdateOptions", [])


def parse_patch(query: Query, *, apply: bool) -> WriteOptions:
    """Options of a PATCH; an `apply` patch must name its manager, any other may not force. Raises StatusError 422."""
    found: list[Cause] = []
    if apply and not text_of(query, "fieldManager"):
        found.append(causes.required("fieldManager", "is required for apply patch"))
    if not apply and "force" in query:
        found.append(causes.forbidden("force", "may not be specified for non-apply patch"))
    return _write_options(query, "PatchOptions", found)


def _write_options(query: Query, kind: str, found: list[Cause]) -> WriteOptions:
    if not query and not found:
        return _NOT_ASKED
    manager = text_of(query, "fieldManager")
    validation = text_of(query, "fieldValidation")
    dry_run = list(query.get("dryRun", ()))
    found += _manager_causes(manager) + dry_run_causes(dry_run)
    if validation not in _FIELD_VALIDATIONS:
        found.append(causes.not_supported("fieldValidation", validation, _FIELD_VALIDATIONS))
    refuse(kind, found)
    return WriteOptions(
        dry_run=bool(dry_run),
        field_manager=manager,
        field_validation=validation,
        force=boolean(query, "force") or False,
    )


def _manager_causes(manager: str) -> list[Cause]:
    if len(manager.encode()) > MANAGER_LIMIT:
        return [causes.too_long("fieldManager", MANAGER_LIMIT)]
    for index, character in enumerate(manager):
        if not character.isprintable():
            position = len(manager[:index].encode())
            text = f"invalid character U+{ord(character):04X} (at position {position})"
            return [causes.invalid("fieldManager", manager, text)]
    return []


def _match_forbidden(text: str) -> Cause:
    return causes.forbidden("resourceVersionMatch", text)
