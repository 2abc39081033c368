"""API services: versions of groups, and which service serves them.

Source: k/k kube-aggregator pkg/apis/apiregistration/validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes, names
from watchcache.api.facts import API_SERVICES
from watchcache.api.quoting import quoted
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule, service_port

_HIGHEST_GROUP: Final = 20000
_HIGHEST_VERSION: Final = 1000
_STATES: Final = ("True", "False", "Unknown")


def _api_service(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    spec, name = new.get("spec") or {}, new["metadata"].get("name") or ""
    group, version = spec.get("group") or "", spec.get("version") or ""
    if name and name != f"{version}.{group}" and not names.path_segment(name):
        text = f'must be `spec.version+"."+spec.group`: {quoted(f"{version}.{group}")}'
        yield causes.invalid("metadata.name", name, text)
    if not group and version != "v1":
        yield causes.required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    if group:
        yield from causes.each_invalid("spec.group", group, names.subdomain(group))
    yield from causes.each_invalid("spec.version", version, names.lettered_label(version))
    yield from _priority(spec, "groupPriorityMinimum", _HIGHEST_GROUP)
    yield from _priority(spec, "versionPriority", _HIGHEST_VERSION)
    if spec.get("service") is None:
        yield from _local(spec)
    else:
        yield from _served(spec, spec["service"])


def _priority(spec: Document, member: str, highest: int) -> Iterator[Cause]:
    number = spec.get(member) or 0
    if not 0 < number <= highest:
        yield causes.invalid(f"spec.{member}", number, f"must be positive and less than {highest}")


def _local(spec: Document) -> Iterator[Cause]:
    """What the server serves itself is asked through no connection."""
    bundle = spec.get("caBundle") or ""
    if bundle:
        size = len(bundle) * 3 // 4 - bundle[-2:].count("=")
        yield causes.invalid("spec.caBundle", f"{size} bytes", "local APIServices may not have a caBundle")
    if spec.get("insecureSkipTLSVerify"):
        text = "local APIServices may not have insecureSkipTLSVerify"
        yield causes.invalid("spec.insecureSkipTLSVerify", True, text)


def _served(spec: Document, service: Document) -> Iterator[Cause]:
    for member in ("namespace", "name"):
        if not service.get(member):
            yield causes.required(f"spec.service.{member}")
    yield from service_port(service, "spec.service")
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        yield causes.invalid("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


def _status(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        state = condition.get("status") or ""
        if state not in _STATES:
            yield causes.not_supported(f"status.conditions[{index}].status", state, _STATES)


RULES: Final[dict[tuple[str, str], Rule]] = {API_SERVICES: _api_service}
STATUS_RULES: Final[dict[tuple[str, str], Rule]] = {API_SERVICES: _status}
