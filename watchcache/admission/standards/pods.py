"""What the checks read of a pod, and the words that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

Document = dict[str, Any]


class Violation(NamedTuple):
    """What is wrong, and where; `detail` may be empty."""

    reason: str
    detail: str


def containers(spec: Document) -> Iterator[Document]:
    """All of a pod, in the order in which they are named."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def context(holder: Document) -> Document:
    """The security context of a pod's spec or of a container."""
    found: Document = holder.get("securityContext") or {}
    return found


def joined(texts: Iterable[str]) -> str:
    """Each between quotes."""
    return ", ".join(f'"{text}"' for text in texts)


def plural(word: str, count: int) -> str:
    """The word, with an s unless it is one."""
    return word if count == 1 else f"{word}s"


def of_containers(names: Sequence[str]) -> str:
    """Containers by their names."""
    return f"{plural('container', len(names))} {joined(names)}"


def setters(pod: bool, names: Sequence[str]) -> str:
    """Who set something: the pod, containers, or both; empty for nobody."""
    return " and ".join([*(["pod"] if pod else []), *([of_containers(names)] if names else [])])


def is_windows(spec: Document) -> bool:
    """Whether it says that it is for Windows."""
    return bool((spec.get("os") or {}).get("name") == "windows")


def has_own_users(spec: Document) -> bool:
    """Whether its users are not the node's (`hostUsers: false`)."""
    return spec.get("hostUsers") is False
