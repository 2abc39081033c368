"""What is in memory, for tests of what is freed."""

import gc
from collections import Counter


class Alive:
    """The objects of some types that there were, so that those that have come since can be counted.

    They are held, and so cannot go: the server that a session's tests share runs in a thread of its own, and closes its
    connections whenever it likes.
    """

    def __init__(self, types: set[type]) -> None:
        self._types = types
        self._before = {id(one): one for one in self._now()}

    def new(self) -> Counter[str]:
        """How many of each type have come since and are still there."""
        return Counter(type(one).__name__ for one in self._now() if id(one) not in self._before)

    def _now(self) -> list[object]:
        return [one for one in gc.get_objects() if type(one) in self._types]
