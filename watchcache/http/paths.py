"""Facts about paths outside the resources: which are open to everybody, which are health checks."""

from __future__ import annotations

HEALTH = ("/healthz", "/livez", "/readyz")
OPEN = frozenset({*HEALTH, "/version", "/version/"})
"""Paths that anyone may read, as Kubernetes' default roles for unauthenticated users have it."""


def is_open(path: str) -> bool:
    """Whether a path (decoded) is answered without authentication."""
    return path in OPEN or path.startswith(("/healthz/", "/livez/", "/readyz/"))


def is_health(path: str) -> bool:
    """Whether a path is one of the health endpoints or below one."""
    return path.startswith(HEALTH) and path.split("/", 2)[1] in {"healthz", "livez", "readyz"}
