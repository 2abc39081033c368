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
Ask = Callable[[Asked], Awaitable[None] | None]
"""What asks a plugin: it has decided, or what is returned has to be awaited until it has."""


class Took(NamedTuple):
    """What a plugin took, or with name "" a whole step, apart for what was accepted and what was rejected."""

    name: str
    accepted: Distribution
    rejected: Distribution


def _took(name: str) -> Took:
    return Took(name, Distribution(BOUNDS), Distribution(BOUNDS))


class _Lineup(Generic[Asked]):
    """Plugins as they are asked, and the readings of runs over them that have not been counted."""

    __slots__ = ("accepted", "asks", "plugins", "whole")

    def __init__(self, asks: list[Ask[Asked]], whole: Took, plugins: list[Took]) -> None:
        self.asks = asks
        self.whole = whole
        self.plugins = plugins
        self.accepted: list[list[float]] = []

    def count_refused(self, readings: list[float]) -> None:
        """Of a run that the plugin before the last reading ended."""
        *accepted, refused = map(sub, readings[1:], readings)
        for took, seconds in zip(self.plugins, accepted, strict=False):
            took.accepted.observe(seconds)
        self.plugins[len(accepted)].rejected.observe(refused)
        self.whole.rejected.observe(readings[-1] - readings[0])

    def count_accepted(self) -> None:
        """Of all runs that were accepted and have not been counted."""
        moments = list(zip(*self.accepted, strict=True))
        self.accepted.clear()
        if moments:
            self.whole.accepted.observe_all(map(sub, moments[-1], moments[0]))
        for took, before, after in zip(self.plugins, moments, moments[1:], strict=False):
            took.accepted.observe_all(map(sub, after, before))


class Step(Generic[Asked]):
    """Plugins in their order, by name and what asks them; most decide at once, and only what another returns is awaited.

    Plugins that only some servers need come and go (`include`, `exclude`): a run goes on with those that it began with.
    """

    def __init__(self, plugins: Sequence[tuple[str, Ask[Asked]]], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._whole = _took("")
        self._took: dict[str, Took] = {}
        self._plugins = list(plugins)
        self._lineups: dict[tuple[str, ...], _Lineup[Asked]] = {}
        self._lineup = self._line_up()

    def _line_up(self) -> _Lineup[Asked]:
        names = tuple(name for name, _ in self._plugins)
        lineup = self._lineups.get(names)
        if lineup is None:
            took = [self._took.setdefault(name, _took(name)) for name in names]
            lineup = self._lineups[names] = _Lineup([ask for _, ask in self._plugins], self._whole, took)
        return lineup

    def include(self, name: str, ask: Ask[Asked], before: Sequence[str] = ()) -> None:
        """Ask one more plugin, the same under the same name each time: before the first of these names that is there, or last."""
        names = [name for name, _ in self._plugins]
        places = [names.index(each) for each in before if each in names]
        self._plugins.insert(places[0] if places else len(names), (name, ask))
        self._lineup = self._line_up()

    def exclude(self, name: str) -> None:
        """Ask it no more."""
        self._plugins = [each for each in self._plugins if each[0] != name]
        self._lineup = self._line_up()

    async def run(self, asked: Asked) -> None:
        """Ask one after the other; the first refusal ends it, and is raised."""
        clock, lineup = self._clock, self._lineup
        readings = [clock()]
        try:
            for ask in lineup.asks:
                undecided = ask(asked)
                if undecided is not None:
                    await undecided
                readings.append(clock())
        except BaseException:
            readings.append(clock())
            lineup.count_refused(readings)
            raise
        accepted = lineup.accepted
        accepted.append(readings)
        if len(accepted) >= _TOGETHER:
            lineup.count_accepted()

    async def run_before(self, name: str, asked: Asked) -> None:
        """Ask once more those that come before one; what they take counts as that one's time."""
        for each, ask in self._plugins:
            if each == name:
                return
            undecided = ask(asked)
            if undecided is not None:
                await undecided

    def figures(self) -> Iterator[Took]:
        """Of the whole first, then of each plugin."""
        for lineup in self._lineups.values():
            lineup.count_accepted()
        yield self._whole
        yield from self._took.values()
