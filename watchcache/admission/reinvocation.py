"""Who is to be asked once more about a write that somebody has changed after them."""

from __future__ import annotations

from collections.abc import Hashable


class Reinvocation:
    """Of one write. Who asks is told by a key; `output` is what they made of the document last, where somebody wants to know."""

    def __init__(self) -> None:
        self.wanted = False
        self.output = b""
        self._before: set[Hashable] = set()
        self._again: set[Hashable] = set()

    def changed(self) -> None:
        """Somebody has changed the document."""
        self.wanted = True
        self.require_those_before()

    def require_those_before(self) -> None:
        """Whoever was asked so far, and wants to be again, is."""
        self._again |= self._before
        self._before = set()

    def asked(self, key: Hashable, *, reinvoked: bool) -> None:
        """Somebody has been asked, who wants to be again or does not."""
        if reinvoked:
            self._before.add(key)

    def includes(self, key: Hashable) -> bool:
        """Whether somebody is among them."""
        return key in self._again
