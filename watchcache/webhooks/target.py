"""Where a `clientConfig` points: an address of its own, or a service of the cluster."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

_PORT: Final = 443


class Target(msgspec.Struct, frozen=True):
    """A webhook's address. `service` is (namespace, name) where the address is that of a service, else None; `ca` is PEM, "" for the system's."""

    scheme: str
    host: str
    port: int
    authority: str
    """Host and port as the URL says them."""
    path: str
    ca: str
    service: tuple[str, str] | None = None

    def url(self, timeout: int) -> str:
        """The URL of a call that may take so many seconds."""
        return f"{self.scheme}://{self.authority}{self.path}?timeout={timeout}s"


def target_of(config: dict[str, Any]) -> Target:
    """The target of a `clientConfig` that has been validated."""
    ca = _pem(config.get("caBundle") or "")
    service = config.get("service")
    if service is not None:
        namespace, name, port = service["namespace"], service["name"], service.get("port") or _PORT
        host = f"{name}.{namespace}.svc"
        path = service.get("path") or "/"
        return Target("https", host, port, f"{host}:{port}", path, ca, (namespace, name))
    parts = urlsplit(config.get("url") or "")
    host = parts.hostname or ""
    return Target(parts.scheme, host, parts.port or _PORT, parts.netloc, parts.path or "/", ca)


def _pem(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=False).decode("ascii", "replace")
    except binascii.Error:
        return ""
