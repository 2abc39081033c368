"""What a kubelet asks containers: probes, and the hooks of their life cycle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, not_negative, one_of, port, port_or_name

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_HEADER: Final = re.compile("[-A-Za-z0-9]+")
_HEADER_TEXT: Final = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
_COUNTS: Final = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip


def probe_causes(container: Document, grace: int | None, path: str) -> Iterator[Cause]:
    """What is wrong with the hooks and probes of a container, which has `grace` seconds to end."""
    lifecycle = container.get("lifecycle") or {}
    for name in ("postStart", "preStop") if lifecycle else ():
        if (hook := lifecycle.get(name)) is not None:
            yield from _handler(hook, grace, f"{path}.lifecycle.{name}")
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            yield from _probe(name, probe, f"{path}.{name}")


def _probe(name: str, probe: Document, path: str) -> Iterator[Cause]:
    """One success is all that liveness and a start need; only they end a container."""
    yield from _handler(probe, None, path)
    yield from not_negative(probe, _COUNTS, path)
    grace = probe.get("terminationGracePeriodSeconds")
    where = f"{path}.terminationGracePeriodSeconds"
    if grace is not None and grace <= 0:
        yield causes.invalid(where, grace, "must be greater than 0")
    if name == "readinessProbe":
        if grace is not None:
            yield causes.invalid(where, grace, "must not be set for readinessProbes")
    elif probe.get("successThreshold", 1) != 1:
        yield causes.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _handler(probe: Document, grace: int | None, path: str) -> Iterator[Cause]:
    kinds = [kind for kind in _HANDLERS if probe.get(kind) is not None]
    if not kinds:
        yield causes.required(path, "must specify a handler type")
        return
    asked, field = probe[kinds[0]], f"{path}.{kinds[0]}"
    if kinds[0] == "exec":
        if not asked.get("command"):
            yield causes.required(f"{field}.command")
    elif kinds[0] == "grpc":
        yield from port(asked.get("port"), f"{field}.port")
    elif kinds[0] == "sleep":
        seconds = asked.get("seconds") or 0
        if grace is not None and not 0 <= seconds <= grace:
            text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            yield causes.invalid(field, seconds, text)
    else:
        yield from port_or_name(asked.get("port"), f"{field}.port")
        yield from one_of(asked.get("scheme"), ("HTTP", "HTTPS"), f"{field}.scheme")
        for header in asked.get("httpHeaders") or ():
            name = header.get("name") or ""
            if not _HEADER.fullmatch(name):
                yield causes.invalid(f"{field}.httpHeaders", name, _HEADER_TEXT)
    for second in kinds[1:]:
        yield causes.forbidden(f"{path}.{second}", "may not specify more than 1 handler type")
