"""How much of something a peer may do: so many at once, so many per second from then on (a token bucket)."""

from __future__ import annotations


class Budget:
    """Pure: the time is handed in."""

    __slots__ = ("_left", "_rate", "_seen", "_size")

    def __init__(self, allowance: tuple[int, float], now: float) -> None:
        size, self._rate = allowance
        self._size = self._left = float(size)
        self._seen = now

    def spend(self, now: float) -> bool:
        """Take one; False when there is none left."""
        self._left = min(self._size, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
