"""The rules of a CustomResourceDefinition: what makes a 422, and what becomes of its status when it is written.

Faults of what all versions have in common are reported where apiextensions' internal form has it: `spec.validation`, `spec.subresources`, ...

Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go; texts and their order measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from watchcache.api import causes, names
from watchcache.api.custom.approval import APPROVAL, approval_of, is_protected
from watchcache.api.custom.rules import check_rules
from watchcache.api.custom.shape import check_schema, path_steps
from watchcache.api.custom.structural import Document
from watchcache.api.status import Cause
from watchcache.api.validation.webhooks import client_causes

_SEE: Final = "see https://github.com/kubernetes/enhancements/pull/1111"
_DNS_1035: Final = "[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035_FORM: Final = re.compile(_DNS_1035, re.ASCII)
_DNS_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "
    f"alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_DNS_1035}')"
)
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MOST_FIELDS: Final = 8
_LONGEST_WARNING: Final = 256
_REQUIRED_NAMES: Final = ("plural", "singular", "kind", "listKind")


class Shared(NamedTuple):
    """What the internal form has once for all versions: what a version calls it, how the path begins there."""

    member: str
    path: str


_SHARED: Final = (
    Shared("schema", "spec.validation"),
    Shared("subresources", "spec.subresources"),
    Shared("additionalPrinterColumns", "spec.additionalPrinterColumns"),
    Shared("selectableFields", "spec.selectableFields"),
)


def check_definition(new: Document, old: Document | None) -> Iterator[Cause]:
    """What is wrong with a new or changed definition beyond its metadata."""
    spec = new.get("spec") or {}
    named, group = spec.get("names") or {}, spec.get("group") or ""
    if old is None and new["metadata"].get("name") != f"{named.get('plural', '')}.{group}":
        yield causes.invalid(
            "metadata.name", new["metadata"].get("name") or "", 'must be spec.names.plural+"."+spec.group'
        )
    yield from _group(group)
    yield from _scope(spec.get("scope") or "")
    versions = spec.get("versions") or []
    yield from _versions(versions)
    yield from _names(named)
    yield from _shared(versions)
    yield from _conversion(spec.get("conversion") or {})
    yield from _stored_versions((new.get("status") or {}).get("storedVersions"), versions)
    if old is not None:
        yield from _unchanged(spec, old)
    yield from _approval(new, group, old)
    if spec.get("preserveUnknownFields") and not ((old or {}).get("spec") or {}).get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield causes.invalid("spec.preserveUnknownFields", True, text)


def _dns_1035(text: str) -> str:
    problems = []
    if len(text) > 63:
        problems.append("must be no more than 63 bytes")
    if not _DNS_1035_FORM.fullmatch(text):
        problems.append(_DNS_1035_TEXT)
    return ",".join(problems)


def _group(group: str) -> Iterator[Cause]:
    if not group:
        yield causes.required("spec.group")
    elif problems := names.subdomain(group):
        yield causes.invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        yield causes.invalid("spec.group", group, "should be a domain with at least one dot")


def _scope(scope: str) -> Iterator[Cause]:
    if not scope:
        yield causes.required("spec.scope")
    elif scope not in {"Cluster", "Namespaced"}:
        yield causes.not_supported("spec.scope", scope, ("Cluster", "Namespaced"))


def _versions(versions: list[Document]) -> Iterator[Cause]:
    for index, version in enumerate(versions):
        if not _schema_of(version):
            yield causes.required(f"spec.versions[{index}].schema.openAPIV3Schema")
    for index, version in enumerate(versions):
        if problems := _dns_1035(version.get("name") or ""):
            yield causes.invalid(f"spec.versions[{index}].name", version.get("name") or "", problems)
        yield from _deprecation(version, f"spec.versions[{index}].deprecationWarning")
        for shared in _SHARED:
            if not _is_common(shared, versions):
                yield from _part(
                    shared,
                    version,
                    f"spec.versions[{index}].{shared.member}",
                    has_status=_has_status(version),
                )
    shown = [_internal(version) for version in versions] or None
    if len({version.get("name") for version in versions}) != len(versions):
        yield causes.invalid("spec.versions", shown, "must contain unique version names")
    if sum(1 for version in versions if version.get("storage")) != 1:
        yield causes.invalid(
            "spec.versions", shown, "must have exactly one version marked as storage version"
        )
    if versions and (problems := _dns_1035(versions[0].get("name") or "")):
        yield causes.invalid("spec.version", versions[0].get("name") or "", problems)


def _internal(version: Document) -> Document:
    """A version as Go prints the internal form, without what it has in common with the others."""
    return {
        "Name": version.get("name") or "",
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        **dict.fromkeys(("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields")),
    }


def _deprecation(version: Document, path: str) -> Iterator[Cause]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield causes.invalid(path, warning, "can only be set for deprecated versions")
    if not warning:
        yield causes.invalid(path, warning, "must not be an empty string")
    elif len(warning) > _LONGEST_WARNING:
        yield causes.invalid(path, warning, f"must be <= {_LONGEST_WARNING} characters long")


def _schema_of(version: Document) -> Document:
    schema: Document = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return schema


def _has_status(version: Document) -> bool:
    return "status" in (version.get("subresources") or {})


def _is_common(shared: Shared, versions: list[Document]) -> bool:
    return all(
        (version.get(shared.member) or None) == (versions[0].get(shared.member) or None)
        for version in versions
    )


def _shared(versions: list[Document]) -> Iterator[Cause]:
    has_status = any(map(_has_status, versions))
    for shared in _SHARED:
        if versions and _is_common(shared, versions):
            yield from _part(shared, versions[0], shared.path, has_status=has_status)


def _part(shared: Shared, version: Document, path: str, *, has_status: bool) -> Iterator[Cause]:
    if shared.member == "schema":
        if schema := _schema_of(version):
            found = list(check_schema(schema, f"{path}.openAPIV3Schema", has_status=has_status))
            yield from found or check_rules(schema, f"{path}.openAPIV3Schema")
    elif shared.member == "subresources":
        yield from _subresources(version.get("subresources") or {}, path)
    elif shared.member == "additionalPrinterColumns":
        for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
            yield from _column(column, f"{path}[{index}]")
    else:
        yield from _fields(version.get("selectableFields") or [], _schema_of(version), path)


def _names(named: Document) -> Iterator[Cause]:
    for member in _REQUIRED_NAMES:
        if not named.get(member):
            yield causes.required(f"spec.names.{member}")
    for member in ("plural", "singular"):
        if (name := named.get(member)) and (problems := _dns_1035(name)):
            yield causes.invalid(f"spec.names.{member}", name, problems)
    for member in ("kind", "listKind"):
        if (name := named.get(member)) and (problems := _dns_1035(name.lower())):
            yield causes.invalid(
                f"spec.names.{member}", name, f"may have mixed case, but should otherwise match: {problems}"
            )
    for index, name in enumerate(named.get("shortNames") or ()):
        if problems := _dns_1035(name):
            yield causes.invalid(f"spec.names.shortNames[{index}]", name, problems)
    if named.get("kind") and named.get("kind") == named.get("listKind"):
        yield causes.invalid(
            "spec.names.listKind", named["listKind"], "kind and listKind may not be the same"
        )
    for index, name in enumerate(named.get("categories") or ()):
        if problems := _dns_1035(name):
            yield causes.invalid(f"spec.names.categories[{index}]", name, problems)


def _subresources(subresources: Document, path: str) -> Iterator[Cause]:
    scale = subresources.get("scale")
    if scale is None:
        return
    rows = (
        ("specReplicasPath", (".spec",), True),
        ("statusReplicasPath", (".status",), True),
        ("labelSelectorPath", (".spec", ".status"), False),
    )
    for member, roots, needed in rows:
        text, field = scale.get(member) or "", f"{path}.scale.{member}"
        if not text:
            if needed:
                yield causes.required(field)
        elif not text.startswith("."):
            yield causes.invalid(field, text, "must be a simple json path starting with .")
        elif not text.startswith(tuple(f"{root}." for root in roots)):
            where = f"under {roots[0]}" if len(roots) == 1 else "under either .spec or .status"
            yield causes.invalid(field, text, f"should be a json path {where}")


def _column(column: Document, path: str) -> Iterator[Cause]:
    kind, form, source = (column.get(name) or "" for name in ("type", "format", "jsonPath"))
    if not column.get("name"):
        yield causes.required(f"{path}.name")
    if not kind:
        yield causes.required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
    elif kind not in _COLUMN_TYPES:
        yield causes.invalid(f"{path}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}")
    if form and form not in _COLUMN_FORMATS:
        yield causes.invalid(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not source:
        yield causes.required(f"{path}.JSONPath")
    elif not source.startswith("."):
        yield causes.invalid(f"{path}.JSONPath", source, "must be a simple json path starting with .")


def _fields(fields: list[Document], schema: Document, path: str) -> Iterator[Cause]:
    seen = set()
    for index, each in enumerate(fields):
        text, field = each.get("jsonPath") or "", f"{path}[{index}].jsonPath"
        if not text:
            yield causes.required(field)
            continue
        if text in seen:
            yield causes.duplicate(field, text)
            continue
        seen.add(text)
        if problem := _field_problem(text, schema):
            yield causes.invalid(field, text, problem)
    if len(fields) > _MOST_FIELDS:
        yield causes.too_many(path, len(fields), _MOST_FIELDS)


def _field_problem(text: str, schema: Document) -> str:
    if text[0] not in ".[":
        return f"is an invalid path: expected [ or . but got: {text.partition('.')[0]}"
    steps = path_steps(text)
    if steps is None:
        return (
            "is an invalid path: array notation is not allowed"
            if "[" in text
            else "is an invalid path: does not refer to a valid field"
        )
    node: Any = schema
    if steps[0] == "metadata":
        node = None
    for step in steps:
        node = (node.get("properties") or {}).get(step) if node else None
    if not node:
        return "is an invalid path: does not refer to a valid field"
    if node.get("type") not in {"string", "boolean", "integer"}:
        return "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
    return ""


def _conversion(conversion: Document) -> Iterator[Cause]:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook") or {}
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions")
    if not strategy:
        yield causes.required("spec.conversion.strategy")
    elif strategy not in {"None", "Webhook"}:
        yield causes.not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy == "Webhook":
        if not client:
            yield causes.required(
                "spec.conversion.webhookClientConfig", "required when strategy is set to Webhook"
            )
        else:
            yield from client_causes(_swapped(client), "spec.conversion.webhookClientConfig")
        if not versions:
            yield causes.required("spec.conversion.conversionReviewVersions")
        elif not {"v1", "v1beta1"} & set(versions):
            yield causes.invalid(
                "spec.conversion.conversionReviewVersions",
                versions,
                "must include at least one of v1, v1beta1",
            )
    elif strategy in {"None", ""}:
        if client:
            yield causes.forbidden(
                "spec.conversion.webhookClientConfig", "should not be set when strategy is not set to Webhook"
            )
        if versions:
            yield causes.forbidden(
                "spec.conversion.conversionReviewVersions",
                "should not be set when strategy is not set to Webhook",
            )


def _swapped(client: Document) -> Document:
    """A `clientConfig` whose service's name and namespace stand in for each other, as kube-apiserver looks at it."""
    service = client.get("service")
    if service is None:
        return client
    name, namespace = service.get("name"), service.get("namespace")
    return {**client, "service": {**service, "name": namespace, "namespace": name}}


def _stored_versions(stored: list[str] | None, versions: list[Document]) -> Iterator[Cause]:
    field = "status.storedVersions"
    if not stored:
        yield causes.invalid(field, stored, "must have at least one stored version")
        return
    storage = ""
    for version in versions:
        if version.get("storage"):
            storage = version.get("name") or ""
    if storage not in stored:
        yield causes.invalid(field, stored, f"must have the storage version {storage}")
    known = {version.get("name") for version in versions}
    for index, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage "
                f"migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            )
            yield causes.invalid(f"{field}[{index}]", name, text)


def _unchanged(spec: Document, old: Document) -> Iterator[Cause]:
    """Group and plural are the definition's name; once it is served, scope and kind stay, too."""
    before = old.get("spec") or {}
    named, named_before = spec.get("names") or {}, before.get("names") or {}
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(each.get("type") == "Established" and each.get("status") == "True" for each in conditions):
        if spec.get("scope") != before.get("scope"):
            yield causes.immutable("spec.scope", spec.get("scope"))
        if named.get("kind") != named_before.get("kind"):
            yield causes.immutable("spec.names.kind", named.get("kind"))
    if spec.get("group") != before.get("group"):
        yield causes.immutable("spec.group", spec.get("group"))
    if named.get("plural") != named_before.get("plural"):
        yield causes.immutable("spec.names.plural", named.get("plural"))


def _approval(new: Document, group: str, old: Document | None) -> Iterator[Cause]:
    """Kubernetes' own groups are for APIs that its reviewers have approved, or say that they have not."""
    if not is_protected(group):
        return
    value = (new["metadata"].get("annotations") or {}).get(APPROVAL) or ""
    if old is not None and value == ((old["metadata"].get("annotations") or {}).get(APPROVAL) or ""):
        return
    field = f"metadata.annotations[{APPROVAL}]"
    if not value:
        yield causes.required(field, f'protected groups must have approval annotation "{APPROVAL}", {_SEE}')
    elif approval_of(value) is None:
        text = f'protected groups must have approval annotation "{APPROVAL}" with either a URL or a reason starting with "unapproved", {_SEE}'
        yield causes.invalid(field, value, text)
