"""Events: each lies in the namespace of what it is about, that of cluster-scoped objects in `default` or `kube-system`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule

_OF_THE_CLUSTER: Final = frozenset({"", "default", "kube-system"})


def _event(new: Document, old: Document | None) -> Iterator[Cause]:
    del old
    about = (new.get("involvedObject") or {}).get("namespace") or ""
    place = new["metadata"].get("namespace") or ""
    if about != place and not (about == "" and place in _OF_THE_CLUSTER):
        yield causes.invalid("involvedObject.namespace", about, "does not match event.namespace")


RULES: Final[dict[tuple[str, str], Rule]] = {("", "events"): _event}
