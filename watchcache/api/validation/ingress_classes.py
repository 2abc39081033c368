"""Classes of ingresses: who serves them, and where its parameters are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, domain_prefixed, one_of, well_named

_LONGEST_CONTROLLER: Final = 250
_SCOPES: Final = ("Cluster", "Namespace")


def _ingress_class(new: Document, old: Document | None) -> Iterator[Cause]:
    """Whose ingresses a class is about does not change."""
    spec = new.get("spec") or {}
    controller = spec.get("controller") or ""
    if old is not None and controller != ((old.get("spec") or {}).get("controller") or ""):
        yield causes.immutable("spec.controller", controller)
    if len(controller) > _LONGEST_CONTROLLER:
        yield causes.too_long("spec.controller", _LONGEST_CONTROLLER)
    yield from domain_prefixed(controller, "spec.controller")
    if spec.get("parameters") is not None:
        yield from _parameters(spec["parameters"], "spec.parameters")


def _parameters(found: Document, path: str) -> Iterator[Cause]:
    group = found.get("apiGroup")
    if group is not None:
        yield from causes.each_invalid(f"{path}.apiGroup", group, names.subdomain(group))
    for member in ("kind", "name"):
        if not found.get(member):
            yield causes.required(f"{path}.{member}")
        yield from well_named(found.get(member) or "", names.path_segment, f"{path}.{member}")
    scope, namespace, field = found.get("scope"), found.get("namespace"), f"{path}.namespace"
    if scope is None:
        yield causes.required(f"{path}.scope")
    yield from one_of(scope, _SCOPES, f"{path}.scope")
    if scope == "Namespace":
        if namespace is None:
            yield causes.required(field, "`parameters.scope` is set to 'Namespace'")
        else:
            yield from causes.each_invalid(field, namespace, names.label(namespace))
    elif scope == "Cluster" and namespace is not None:
        yield causes.forbidden(field, "`parameters.scope` is set to 'Cluster'")


RULES: Final[dict[tuple[str, str], Rule]] = {("networking.k8s.io", "ingressclasses"): _ingress_class}
