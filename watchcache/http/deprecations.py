"""Which resources kube-apiserver 1.36 calls deprecated, on every request that names one of them.

Source: the `APILifecycle...` markers in k8s.io/api; asked of every resource of a kube-apiserver 1.36.3.
"""

from __future__ import annotations

from typing import Final

from watchcache.api.catalog import Resource

_TEXTS: Final = {
    ("", "v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
    (
        "",
        "v1",
        "endpoints",
    ): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}


def deprecation_of(resource: Resource) -> str | None:
    """The text of the warning; None for what is not deprecated."""
    if resource.custom is not None:
        return resource.custom.deprecation
    return _TEXTS.get((resource.group, resource.version, resource.plural))


def is_deprecated(group: str, version: str, plural: str) -> bool:
    """Whether a resource is one of them."""
    return (group, version, plural) in _TEXTS
