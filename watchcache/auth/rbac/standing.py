"""The roles and bindings that kube-apiserver 1.36.3 makes at its start, as recorded (scripts/record_policy.py)."""

from __future__ import annotations

from importlib import resources
from typing import Any

import msgspec


def standing_table() -> list[dict[str, Any]]:
    """Fresh documents of them, without apiVersion and without the label and annotation that all of them have."""
    text = resources.files("watchcache.auth.rbac").joinpath("data/policy.json").read_bytes()
    objects: list[dict[str, Any]] = msgspec.json.decode(text)["objects"]
    return objects
