"""CustomResourceDefinitions as kube-apiserver stores them to this day: apiextensions.k8s.io/v1beta1, which no API serves any more.

What all versions have in common stands there once, beside the list of versions; in v1 every version has its own.
Source: apiextensions-apiserver pkg/apis/apiextensions, conversion of both versions through the internal one.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_COMMON = {
    "validation": "schema",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
"""Fields beside the list of versions, and what each version calls them."""


def from_v1beta1(definition: Document) -> Document:
    """A stored definition as v1 has it; `apiVersion` stays."""
    spec = dict(definition.get("spec") or {})
    common = {name: spec.pop(old) for old, name in _COMMON.items() if spec.get(old)}
    only = spec.pop("version", None)
    versions = spec.get("versions") or [{"name": only, "served": True, "storage": True}]
    spec["versions"] = [_version({**common, **_set(each)}) for each in versions]
    if spec.get("conversion"):
        spec["conversion"] = _conversion(spec["conversion"])
    if spec.setdefault("preserveUnknownFields", True) is False:  # the default of v1beta1 is not that of v1
        del spec["preserveUnknownFields"]
    return {**definition, "spec": spec}


def _set(version: Document) -> Document:
    return {name: value for name, value in version.items() if value is not None}


def _version(version: Document) -> Document:
    columns = version.get("additionalPrinterColumns")
    if columns:
        version["additionalPrinterColumns"] = [
            {"jsonPath" if name == "JSONPath" else name: value for name, value in column.items()}
            for column in columns
        ]
    return version


def _conversion(old: Document) -> Document:
    conversion = dict(old)
    client = conversion.pop("webhookClientConfig", None)
    reviewed = conversion.pop("conversionReviewVersions", None)
    if client or reviewed:
        conversion["webhook"] = {
            **({"clientConfig": client} if client else {}),
            **({"conversionReviewVersions": reviewed} if reviewed else {}),
        }
    return conversion
