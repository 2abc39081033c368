"""Sequences sent to a server, and its answers without what differs from run to run."""

from __future__ import annotations

import json
import re
from typing import Any

TIMES = {"time", "creationTimestamp", "lastTransitionTime", "lastProbeTime", "deletionTimestamp"}
ADDRESSES = {"clusterIP", "clusterIPs", "nodePort"}
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")


class Normal:
    """The answers of one sequence: times, uids and addresses as stars, revisions as the order in which they were seen."""

    def __init__(self) -> None:
        self._revisions: list[str] = []

    def of(self, code: int, body: bytes, warnings: list[str]) -> list[Any]:
        """An answer as it is compared: code, document or text, warnings."""
        try:
            document = json.loads(body)
        except ValueError:
            document = body.decode(errors="replace")
        return [code, self._normal(document), warnings]

    def _normal(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._normal(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            items = [self._normal(inner, name) for inner in value]
            return sorted(items, key=json.dumps) if name == "causes" else items
        return self._text(value, name) if isinstance(value, str) else value

    def _text(self, value: str, name: str) -> str:
        if name == "resourceVersion":
            if value not in self._revisions:
                self._revisions.append(value)
            return f"revision {self._revisions.index(value)}"
        if name in TIMES or name in ADDRESSES:
            return "*"
        if name == "message" and ": errors:\n" in value:  # in an order by chance
            first, *others = value.split("\n")
            return "\n".join([first, *sorted(others)])
        return UID.sub("*", value)


def encoded(body: Any) -> bytes:
    """A step's body as it is sent."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
