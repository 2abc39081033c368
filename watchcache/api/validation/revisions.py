"""Controller revisions: what a controller keeps of an earlier template."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule


def _revision(new: Document, old: Document | None) -> Iterator[Cause]:
    """The data is an object, and stays what it is."""
    number = new.get("revision") or 0
    if number < 0:
        yield causes.invalid("revision", number, "must be greater than or equal to 0")
    data = new.get("data")
    if old is not None:
        if data != old.get("data"):
            yield causes.immutable("data", data)
    elif data is None:
        yield causes.required("data", "data is mandatory")
    elif not isinstance(data, dict):
        yield causes.required("data", "data must be a valid JSON object")


RULES: Final[dict[tuple[str, str], Rule]] = {("apps", "controllerrevisions"): _revision}
