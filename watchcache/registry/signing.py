"""Certificate signing requests: who asks is what the server knows, and conditions say since when.

The controller that signs, and who approves, rely on `spec.username` and `spec.groups`: nobody else may choose them. Source: k/k
pkg/registry/certificates/certificates/strategy.go.
"""

from __future__ import annotations

from typing import Final

from watchcache.registry.calls import Document
from watchcache.registry.deletion import timestamp
from watchcache.registry.strategy import Preparation, restore

_ASKER: Final = ("username", "uid", "groups", "extra")
_DECISIONS: Final = ("Approved", "Denied")
"""Conditions that only /approval changes."""


def create(preparation: Preparation) -> None:
    """A request comes from the user who sends it, and is not decided."""
    document, user = preparation.document, preparation.user
    spec = {name: value for name, value in (document.get("spec") or {}).items() if name not in _ASKER}
    extra = {key: list(values) for key, values in user.extra.items()}
    known = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": extra}
    document["spec"] = {**spec, **{name: value for name, value in known.items() if value}}
    document["status"] = {}


def update(preparation: Preparation) -> None:
    """What was asked for does not change."""
    assert preparation.old is not None
    restore(preparation.document, preparation.old, "spec")


def change_status(preparation: Preparation) -> None:
    """A status leaves decisions as they are; new conditions get their times."""
    assert preparation.old is not None
    state, stored = preparation.document.get("status") or {}, preparation.old.get("status") or {}
    conditions = list(state.get("conditions") or ())
    for decision in _DECISIONS:
        old = _of_type(stored.get("conditions") or [], decision)
        places = [place for place, each in enumerate(conditions) if each.get("type") == decision]
        if len(old) == len(places):
            for place, kept in zip(places, old, strict=True):
                conditions[place] = kept
    if conditions:
        times = with_times(conditions, stored.get("conditions") or [], preparation.now)
        preparation.document["status"] = {**state, "conditions": times}


def with_times(conditions: list[Document], stored: list[Document], now: float) -> list[Document]:
    """Conditions with the times they do not say: updated now, and passed to their state now or when the stored one did."""
    result = []
    for condition in conditions:
        times = {
            name: condition.get(name) or timestamp(now) for name in ("lastUpdateTime", "lastTransitionTime")
        }
        if not condition.get("lastTransitionTime"):
            for known in _of_type(stored, condition.get("type", "")):
                if known.get("status") == condition.get("status") and known.get("lastTransitionTime"):
                    times["lastTransitionTime"] = known["lastTransitionTime"]
                    break
        result.append({**condition, **times})
    return result


def _of_type(conditions: list[Document], kind: str) -> list[Document]:
    return [condition for condition in conditions if condition.get("type") == kind]
