"""What all activities have."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

if TYPE_CHECKING:
    from watchcache.bench.load import Load
    from watchcache.bench.scenario import Population, Scenario


class Activity(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="kebab", tag_field="do"
):
    """A piece of load. Times are seconds, rates per second for the whole cluster."""

    finite: ClassVar[bool] = False

    async def run(self, load: Load) -> None:
        """Do this process's share."""
        raise NotImplementedError

    def writes_per_second(self, _scenario: Scenario) -> float:
        """How many writes are planned, for the limits."""
        return 0.0

    @property
    def populations(self) -> tuple[Population, ...]:
        """Participants that it adds."""
        return ()
