"""The priority classes as admission needs them, kept from the log's events."""

from __future__ import annotations

import msgspec

from watchcache.admission import PriorityClass
from watchcache.log import Event


class _Class(msgspec.Struct):
    value: int = 0
    policy: str = msgspec.field(default="PreemptLowerPriority", name="preemptionPolicy")
    is_default: bool = msgspec.field(default=False, name="globalDefault")


_decode = msgspec.json.Decoder(_Class).decode


class StoredPriorityClasses:
    """Every stored class, by name."""

    prefix = "priorityclasses/"

    def __init__(self) -> None:
        self._classes: dict[str, PriorityClass] = {}
        self._default: PriorityClass | None = None

    def find(self, name: str, /) -> PriorityClass | None:
        """The class of that name."""
        return self._classes.get(name)

    def default(self) -> PriorityClass | None:
        """The class of pods that name none; of several the lowest, as kube-apiserver has it."""
        return self._default

    def load(self, key: str, value: bytes) -> None:
        """Take in a stored class."""
        name = key.removeprefix(self.prefix)
        stored = _decode(value)
        self._classes[name] = PriorityClass(name, stored.value, stored.policy, stored.is_default)
        self._choose()

    def seen(self, event: Event) -> None:
        """Take in the log's event about a class."""
        if event.deleted:
            self._classes.pop(event.key.removeprefix(self.prefix), None)
            self._choose()
        else:
            self.load(event.key, event.value)

    def _choose(self) -> None:
        candidates = [each for each in self._classes.values() if each.is_default]
        self._default = min(candidates, key=lambda each: each.value, default=None)
