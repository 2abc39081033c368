"""Ingresses and their classes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.metrics import reference_causes
from watchcache.api.validation.rules import Document, Rule, port, port_name, well_named

CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_WITHIN: Final = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_THE_END: Final = ("/..", "/.")
_WILDCARD: Final = re.compile(r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WILDCARD_TEXT: Final = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case "
    "alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is "
    r"'\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def _ingress(new: Document, old: Document | None) -> Iterator[Cause]:
    spec = new.get("spec") or {}
    if old is not None and spec == (old.get("spec") or {}):
        return
    rules, backend = spec.get("rules"), spec.get("defaultBackend")
    if not rules and backend is None:
        yield causes.invalid("spec", rules, "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        yield from _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules or ()):
        path = f"spec.rules[{index}]"
        if host := rule.get("host"):
            yield from _host(host, f"{path}.host")
        if rule.get("http") is not None:
            yield from _paths(rule["http"].get("paths") or (), f"{path}.http.paths")
    for index, each in enumerate(spec.get("tls") or ()):
        yield from _tls(each, f"spec.tls[{index}]")
    chosen = spec.get("ingressClassName")
    if chosen is not None:
        for problem in names.subdomain(chosen):
            yield causes.invalid("spec.ingressClassName", chosen, problem)
    yield from _same_class(new, old)


def _same_class(new: Document, old: Document | None) -> Iterator[Cause]:
    """A new ingress may name its class in the old way and in the new one, if both name the same."""
    annotated = (new["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    named = (new.get("spec") or {}).get("ingressClassName")
    if old is None and annotated is not None and named is not None and annotated != named:
        text = "must match `ingressClassName` when both are specified"
        yield causes.invalid(f"annotations.{CLASS_ANNOTATION}", annotated, text)


def _host(host: str, field: str) -> Iterator[Cause]:
    if _is_address(host):
        yield causes.invalid(field, host, "must be a DNS name, not an IP address")
    yield from _name_or_wildcard(host, field)


def _name_or_wildcard(host: str, field: str) -> Iterator[Cause]:
    if "*" not in host:
        yield from well_named(host, names.subdomain, field)
    elif not _WILDCARD.fullmatch(host):
        yield causes.invalid(field, host, _WILDCARD_TEXT)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _paths(paths: list[Document] | tuple[()], field: str) -> Iterator[Cause]:
    if not paths:
        yield causes.required(field)
    for index, each in enumerate(paths):
        if each.get("pathType") is None:
            yield causes.required(f"{field}[{index}].pathType", "pathType must be specified")
            continue
        yield from _path(each, f"{field}[{index}]")
        yield from _backend(each.get("backend") or {}, f"{field}[{index}].backend")


def _path(each: Document, field: str) -> Iterator[Cause]:
    kind, path = each.get("pathType"), each.get("path") or ""
    if kind not in _PATH_TYPES:
        yield causes.not_supported(f"{field}.pathType", kind, _PATH_TYPES)
    elif not path.startswith("/") and (path or kind != "ImplementationSpecific"):
        yield causes.invalid(f"{field}.path", path, "must be an absolute path")
    if kind in {"Exact", "Prefix"}:
        for part in _NOT_WITHIN:
            if part in path:
                yield causes.invalid(f"{field}.path", path, f"must not contain '{part}'")
        for part in _NOT_AT_THE_END:
            if path.endswith(part):
                yield causes.invalid(f"{field}.path", path, f"cannot end with '{part}'")


def _backend(backend: Document, field: str) -> Iterator[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield causes.invalid(field, "", "cannot set both resource and service backends")
    elif resource is not None:
        group = resource.get("apiGroup")
        if group is not None:
            yield from causes.each_invalid(f"{field}.resource.apiGroup", group, names.subdomain(group))
        yield from reference_causes(resource, f"{field}.resource")
    elif service is not None:
        yield from _service(service, field)
    else:
        yield causes.invalid(field, "", "resource or service backend is required")


def _service(service: Document, field: str) -> Iterator[Cause]:
    if not service.get("name"):
        yield causes.required(f"{field}.service.name")
    yield from well_named(service.get("name") or "", names.label, f"{field}.service.name")
    asked = service.get("port") or {}
    name, number = asked.get("name"), asked.get("number")
    if name and number:
        yield causes.invalid(field, "", "cannot set both port name & port number")
    elif name:
        yield from port_name(name, f"{field}.service.port.name")
    elif number:
        yield from port(number, f"{field}.service.port.number")
    else:
        yield causes.required(field, "port name or number is required")


def _tls(each: Document, field: str) -> Iterator[Cause]:
    for index, host in enumerate(each.get("hosts") or ()):
        if not host:
            yield from causes.each_invalid(f"{field}.hosts[{index}]", host, names.subdomain(host))
        yield from _name_or_wildcard(host, f"{field}.hosts[{index}]")
    yield from well_named(each.get("secretName") or "", names.subdomain, f"{field}.secretName")


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("networking.k8s.io", "ingresses"): _ingress,
}
