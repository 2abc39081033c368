"""One step of admission for one operation: the plugins that have a say in it, and what they took.

Each plugin's time ends where the next one's begins, so that a step of n plugins looks at the clock n + 1 times; with
counting it is a quarter of a microsecond for each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from watchcache.distribution import Distribution

# Seconds: those of `apiserver_admission_*_duration_seconds`.
BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)

Asked = TypeVar("Asked")


class Took(NamedTuple):
    """What a plugin took, or with name "" a whole step, apart for what was accepted and what was rejected."""

    name: str
    accepted: Distribution
    rejected: Distribution


def _took(name: str) -> Took:
    return Took(name, Distribution(BOUNDS), Distribution(BOUNDS))


class Step(Generic[Asked]):
    """Plugins in their order, by name and what asks them."""

    def __init__(
        self,
        plugins: Sequence[tuple[str, Callable[[Asked], Awaitable[None]]]],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._whole = _took("")
        self._plugins = [(ask, _took(name)) for name, ask in plugins]

    async def run(self, asked: Asked) -> None:
        """Ask one after the other; the first refusal ends it, and is raised."""
        clock = self._clock
        began = last = clock()
        for ask, took in self._plugins:
            try:
                await ask(asked)
            except Exception:
                now = clock()
                took.rejected.observe(now - last)
                self._whole.rejected.observe(now - began)
                raise
            now = clock()
            took.accepted.observe(now - last)
            last = now
        self._whole.accepted.observe(last - began)

    def figures(self) -> Iterator[Took]:
        """Of the whole first, then of each plugin."""
        yield self._whole
        yield from (took for _, took in self._plugins)
