"""What a kubelet asks containers: probes, and the hooks of their life cycle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, not_negative, one_of, port, port_or_name

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_COUNTS: Final = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip


def probe_causes(container: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the hooks and probes of a container; one success is all that liveness and a start need."""
    lifecycle = container.get("lifecycle") or {}
    for name in ("postStart", "preStop") if lifecycle else ():
        hook = lifecycle.get(name)
        if hook is not None and hook.get("sleep") is None:
            yield from _handler(hook, f"{path}.lifecycle.{name}")
    for name in _PROBES:
        probe = container.get(name)
        if probe is None:
            continue
        field = f"{path}.{name}"
        yield from _handler(probe, field)
        yield from not_negative(probe, _COUNTS, field)
        if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            yield causes.invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")


def _handler(probe: Document, path: str) -> Iterator[Cause]:
    kinds = [kind for kind in _HANDLERS if probe.get(kind) is not None]
    if not kinds:
        yield causes.required(path, "must specify a handler type")
    for second in kinds[1:]:
        yield causes.forbidden(f"{path}.{second}", "may not specify more than 1 handler type")
    if not kinds:
        return
    asked, field = probe[kinds[0]], f"{path}.{kinds[0]}"
    if kinds[0] == "exec":
        if not asked.get("command"):
            yield causes.required(f"{field}.command")
    elif kinds[0] == "grpc":
        yield from port(asked.get("port"), f"{field}.port")
    else:
        yield from port_or_name(asked.get("port"), f"{field}.port")
        yield from one_of(asked.get("scheme"), ("HTTP", "HTTPS"), f"{field}.scheme")
