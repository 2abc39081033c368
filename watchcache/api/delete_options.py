"""DeleteOptions, from the query or the body of a DELETE. A body, when there is one, wins over the whole query (M15).

Source: apimachinery/pkg/apis/meta/v1/validation/validation.go; measured on kube-apiserver 1.36 (docs/semantics.md M12, M15, M19).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from watchcache.api import causes, status
from watchcache.api.json_text import TYPE_NAMES
from watchcache.api.parameters import Query, boolean, dry_run_causes, integer, optional_text, refuse

_PROPAGATION_POLICIES: Final = ("Foreground", "Background", "Orphan")
_TYPES: Final[dict[str, tuple[type, str]]] = {
    "gracePeriodSeconds": (int, "int64"),
    "preconditions": (dict, "v1.Preconditions"),
    "orphanDependents": (bool, "bool"),
    "propagationPolicy": (str, "v1.DeletionPropagation"),
    "dryRun": (list, "[]string"),
}
_PRECONDITION_TYPES: Final[dict[str, tuple[type, str]]] = {
    "uid": (str, "types.UID"),
    "resourceVersion": (str, "string"),
}


class DeleteOptions(msgspec.Struct, frozen=True):
    """Options of a delete; what is not stated is None. `uid` and `resource_version` are preconditions."""

    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None


def parse_delete(query: Query, body: Mapping[str, Any] | None = None) -> DeleteOptions:
    """Options of a DELETE: those of the body (a decoded DeleteOptions) when there is one, else those of the query.

    Raises StatusError 400 for a body that is of another kind or whose members have the wrong types, 422 for options that contradict each other.
    """
    stated = _of_query(query) if body is None else _of_body(body)
    policy, orphan = stated.get("propagationPolicy"), stated.get("orphanDependents")
    dry_run = stated.get("dryRun") or []
    found = []
    if policy is not None and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        found.append(causes.invalid("propagationPolicy", policy, text))
    if policy is not None and policy not in _PROPAGATION_POLICIES:
        found.append(causes.not_supported("propagationPolicy", policy, (*_PROPAGATION_POLICIES, "nil")))
    refuse("DeleteOptions", found + dry_run_causes(dry_run))
    preconditions = stated.get("preconditions") or {}
    return DeleteOptions(
        dry_run=bool(dry_run),
        grace_period_seconds=stated.get("gracePeriodSeconds"),
        propagation_policy=policy,
        orphan_dependents=orphan,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
    )


def _of_query(query: Query) -> dict[str, Any]:
    """The query as if it were a body: uid and resourceVersion in it are preconditions."""
    return {
        "gracePeriodSeconds": integer(query, "gracePeriodSeconds"),
        "orphanDependents": boolean(query, "orphanDependents"),
        "propagationPolicy": optional_text(query, "propagationPolicy"),
        "dryRun": list(query.get("dryRun", ())),
        "preconditions": {name: optional_text(query, name) for name in _PRECONDITION_TYPES},
    }


def _of_body(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body, if it is one of DeleteOptions: any apiVersion will do, unknown members are ignored."""
    kind = body.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions":
        version = body.get("apiVersion") or "meta.k8s.io/v1"
        scheme = 'in scheme "pkg/runtime/scheme.go:111"'
        raise status.bad_request(f'no kind "{kind}" is registered for version "{version}" {scheme}')
    _check_types(body, _TYPES, "DeleteOptions.")
    _check_types(body.get("preconditions") or {}, _PRECONDITION_TYPES, "Preconditions.preconditions.")
    for value in body.get("dryRun") or ():
        _check_type(value, str, "DeleteOptions.dryRun", "string")
    return body


def _check_types(document: Mapping[str, Any], types: Mapping[str, tuple[type, str]], path: str) -> None:
    for name, value in document.items():
        if name in types:
            _check_type(value, types[name][0], path + name, types[name][1])


def _check_type(value: Any, wanted: type, path: str, go_type: str) -> None:
    """Go's complaint about a member of another type; null leaves a member unset."""
    if value is None or type(value) is wanted:
        return
    found = f"number {value}" if type(value) is float and wanted is int else TYPE_NAMES[type(value)]
    text = f"json: cannot unmarshal {found} into Go struct field {path} of type {go_type}"
    raise status.bad_request(text)
