"""The recorded answers of a real kube-apiserver (tests/api/measured), as rows for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchcache.api.status import StatusError

MEASURED = Path(__file__).parent / "measured"


def answers(name: str) -> list[Any]:
    """The rows of one file."""
    rows: list[Any] = json.loads((MEASURED / f"{name}.json").read_text())
    return rows


def refusal(attempt: Callable[[], Any]) -> Any:
    """What an attempt is refused with, as the recordings have it: code, reason, message, causes; None when it is not."""
    try:
        attempt()
    except StatusError as error:
        causes = (error.details or {}).get("causes", [])
        told = [error.code, error.reason, error.message]
        return [*told, [[c["reason"], c["message"], c.get("field", "")] for c in causes]]
    return None
