"""Files of recorded exchanges, one request a line with what came: written by scripts against kube-apiserver, read by the tests of the same requests."""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

Exchange = dict[str, Any]


def read(path: Path) -> list[Exchange]:
    """The exchanges of a file. Its first line says what answered."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def requests_of(exchanges: Iterable[Exchange], came: Collection[str]) -> list[Exchange]:
    """The exchanges without the members that came."""
    return [{name: each[name] for name in each if name not in came} for each in exchanges]


def as_json(value: Any) -> Any:
    """As a file has it: tuples are lists."""
    return json.loads(json.dumps(value))


def write(path: Path, version: str, exchanges: Collection[Exchange]) -> None:
    """Record what a kube-apiserver of a version answered."""
    lines = [{"recorded": f"kube-apiserver {version}"}, *exchanges]
    text = "\n".join(json.dumps(line, sort_keys=True, separators=(",", ":")) for line in lines)
    path.write_text(text + "\n")
    print(f"{len(exchanges)} exchanges in {path}")


def unverified() -> ssl.SSLContext:
    """For a server on loopback whose certificate nobody here knows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
