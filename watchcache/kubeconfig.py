"""Kubeconfig files: how a client finds the server, trusts it and says who it is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from watchcache.pki import write_private


def kubeconfig(
    server: str,
    *,
    ca: bytes,
    certificate: bytes = b"",
    key: bytes = b"",
    token: str = "",
    name: str = "watchcache",
) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context, all embedded: the file works wherever it is copied.

    `ca`, `certificate` and `key` are PEM; give a certificate with its key, or a bearer token.
    """
    user: dict[str, str] = {"token": token} if token else {}
    if certificate:
        user["client-certificate-data"] = encoded(certificate)
        user["client-key-data"] = encoded(key)
    person = f"{name}-admin"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": encoded(ca)}}
        ],
        "users": [{"name": person, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": person}}],
        "current-context": name,
        "preferences": {},
    }


def encoded(data: bytes) -> str:
    """PEM as the base64 that kubeconfig fields hold."""
    return base64.b64encode(data).decode()


def render(config: dict[str, Any]) -> bytes:
    """The file's text: JSON, which is YAML as well and needs no library to write."""
    return json.dumps(config, indent=2).encode() + b"\n"


def write_kubeconfig(path: Path, config: dict[str, Any]) -> None:
    """Write it with mode 0600, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, render(config))
