"""One step of admission for one operation: the plugins that have a say in it, and what they took.

Each plugin's time ends where the next one's begins, so that a step of n plugins looks at the clock n + 1 times. What was accepted is
counted later, for many runs together: one by one it took 2 us of each pod that is created.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from operator import sub
from typing import Final, Generic, NamedTuple, TypeVar

from watchcache.distribution import Distribution

# Seconds: those of `apiserver_admission_*_duration_seconds`.
BOUNDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)

_TOGETHER: Final = 100
"""Accepted runs that are counted at once."""

Asked = TypeVar("Asked")


class Took(NamedTuple):
    """What a plugin took, or with name "" a whole step, apart for what was accepted and what was rejected."""

    name: str
    accepted: Distribution
    rejected: Distribution


def _took(name: str) -> Took:
    return Took(name, Distribution(BOUNDS), Distribution(BOUNDS))


class Step(Generic[Asked]):
    """Plugins in their order, by name and what asks them; most decide at once, and only what another returns is awaited."""

    def __init__(
        self,
        plugins: Sequence[tuple[str, Callable[[Asked], Awaitable[None] | None]]],
        clock: Callable[[], float],
    ) -> None:
        self._clock = clock
        self._asks = [ask for _, ask in plugins]
        self._whole = _took("")
        self._plugins = [_took(name) for name, _ in plugins]
        self._accepted: list[list[float]] = []

    async def run(self, asked: Asked) -> None:
        """Ask one after the other; the first refusal ends it, and is raised."""
        clock = self._clock
        readings = [clock()]
        try:
            for ask in self._asks:
                undecided = ask(asked)
                if undecided is not None:
                    await undecided
                readings.append(clock())
        except BaseException:
            readings.append(clock())
            self._count_refused(readings)
            raise
        self._accepted.append(readings)
        if len(self._accepted) >= _TOGETHER:
            self._count_accepted()

    def _count_refused(self, readings: list[float]) -> None:
        """Of a run that the plugin before the last reading ended."""
        *accepted, refused = map(sub, readings[1:], readings)
        for took, seconds in zip(self._plugins, accepted, strict=False):
            took.accepted.observe(seconds)
        self._plugins[len(accepted)].rejected.observe(refused)
        self._whole.rejected.observe(readings[-1] - readings[0])

    def _count_accepted(self) -> None:
        """Of all runs that were accepted and have not been counted."""
        moments = list(zip(*self._accepted, strict=True))
        self._accepted.clear()
        if moments:
            self._whole.accepted.observe_all(map(sub, moments[-1], moments[0]))
        for took, before, after in zip(self._plugins, moments, moments[1:], strict=False):
            took.accepted.observe_all(map(sub, after, before))

    def figures(self) -> Iterator[Took]:
        """Of the whole first, then of each plugin."""
        self._count_accepted()
        yield self._whole
        yield from self._plugins
