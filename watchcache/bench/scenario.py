"""A scenario: the cluster that is simulated, the phases it goes through, and what must hold. Read from YAML, checked strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from watchcache.bench.activities import Activity, AnyActivity
from watchcache.bench.kinds import LEASES, NODES, PODS, SLICES
from watchcache.bench.participant import Start
from watchcache.bench.problems import BenchProblem
from watchcache.bench.selectors import WatchSpec


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="kebab"):
    pass


class Population(_Part, frozen=True):
    """Participants of one kind, each with the same watches."""

    count: int = 0
    protocol: str = "http2"
    start: Start = "stream"
    watches: tuple[WatchSpec, ...] = ()

    @property
    def watches_each(self) -> int:
        """Watches of one of them."""
        return sum(spec.copies for spec in self.watches)

    @property
    def connections(self) -> int:
        """Connections of all of them: over HTTP/1.1 each watch has its own."""
        return self.count * (self.watches_each + 1 if self.protocol == "http1" else 1)


class Objects(_Part, frozen=True):
    """What is in the cluster before the first phase. Sizes are bytes."""

    namespaces: int = 4
    services: int = 20
    endpoints: int = 10
    config_maps: int = 5
    secrets: int = 4
    pod_bytes: int = 2000
    node_images: int = 20


class Slo(_Part, frozen=True):
    """What must hold. Latencies are p99 in seconds; the API's are those of SIG scalability."""

    mutating: float = 1.0
    reading_object: float = 1.0
    reading_namespace: float = 5.0
    reading_cluster: float = 30.0
    watch: dict[str, float] = msgspec.field(
        default_factory=lambda: {"node": 0.1, "controller": 1.0, "broadcast": 1.0}
    )
    """By the group of the watch; a group that is not named has no objective."""

    server_megabytes: float = 3000
    pacing: float = 0.1
    """How late the clients may send: beyond it they are what is measured."""

    cost: float = 1.3
    """The CPU of a delivery, and of an event that one of many is told of: the most of any number of watchers over the least."""


class Limits(_Part, frozen=True):
    """How much a run may ask for at the most; a scenario that plans more is refused before anything is sent."""

    connections: int = 200
    watches: int = 4000
    writes_per_second: float = 500
    seconds: float = 600


class Costs(_Part, frozen=True, kw_only=True):
    """What a phase is for, when the server's CPU in it is a figure of its own (see `cost`)."""

    of: Literal["all", "one", "idle"]
    """Each event goes to all watchers; each event goes to one of them; nothing happens, and that much is subtracted from the others."""

    watchers: int


class Phase(_Part, frozen=True, kw_only=True):
    """A part of the run. It ends when its finite activities have ended and its seconds are over, or at `at-most`."""

    name: str
    seconds: float = 0
    at_most: float = 300
    disrupts: bool = False
    """Connections are lost on purpose: ended watches and slow answers are shown, but do not fail the run."""

    storms: bool = False
    """Everybody wants everything at once: latencies are shown, but not held against the objectives."""

    costs: Costs | None = None
    activities: tuple[AnyActivity, ...] = ()


class Flat(_Part, frozen=True, kw_only=True):
    """What must not grow in a phase, and by how much it may: by the straight line through its stretches (see `flatness`).

    Each bound is for the whole stretch that is judged, whatever its length.
    """

    phase: str
    after: float
    """Seconds of the phase that do not count: caches and histories fill to their bounds."""

    window: float = 1
    """Seconds of a stretch; memory and journal are judged by the peaks of the stretches, so that it should hold a tooth of their saws."""

    memory_percent: float = 5
    memory_megabytes: float = 2
    """The larger of the two bounds holds; so with the journal's."""

    descriptors: float = 5
    journal_percent: float = 10
    journal_megabytes: float = 2
    lag_milliseconds: float = 50
    """Of the second's median watch latency."""


class Scenario(_Part, frozen=True, kw_only=True):
    """The whole of it."""

    name: str
    about: str = ""
    seed: int = 1
    processes: int = 1
    nodes: Population = Population()
    controllers: Population = Population()
    objects: Objects = Objects()
    background: tuple[AnyActivity, ...] = ()
    """What goes on from the first phase to the last."""

    phases: tuple[Phase, ...]
    slo: Slo = Slo()
    flat: Flat | None = None
    limits: Limits = Limits()
    server: tuple[str, ...] = ()
    """Flags for the server, when the run starts one."""

    def place(self, number: int) -> str:
        """The namespace that a participant with this number belongs to."""
        return f"bench-{number % max(1, self.objects.namespaces)}"

    @property
    def places(self) -> list[str]:
        """All namespaces of the run's objects."""
        return [f"bench-{number}" for number in range(max(1, self.objects.namespaces))]

    @property
    def resources(self) -> set[str]:
        """The resources that anybody watches: what the ledger records."""
        found = {spec.resource for one in self.populations for spec in one.watches}
        return found | {PODS, NODES, LEASES, SLICES}

    @property
    def populations(self) -> list[Population]:
        """All who hold watches, those that a phase adds included."""
        return [self.nodes, self.controllers, *(p for one in self.all_activities for p in one.populations)]

    @property
    def all_activities(self) -> list[Activity]:
        """Background and phases."""
        return [*self.background, *(one for phase in self.phases for one in phase.activities)]

    @property
    def connections(self) -> int:
        """All that are planned."""
        return sum(one.connections for one in self.populations)

    def check(self) -> None:
        """Hold the plan against the limits. Raises `BenchProblem`."""
        populations = self.populations
        connections = self.connections
        watches = sum(p.count * p.watches_each for p in populations)
        steady = sum(one.writes_per_second(self) for one in self.background)
        writes = max(
            (steady + sum(one.writes_per_second(self) for one in phase.activities) for phase in self.phases),
            default=0.0,
        )
        seconds = sum(phase.seconds for phase in self.phases)
        planned = (connections, watches, writes, seconds)
        allowed = (
            self.limits.connections,
            self.limits.watches,
            self.limits.writes_per_second,
            self.limits.seconds,
        )
        for name, plan, limit in zip(
            ("connections", "watches", "writes a second", "seconds"), planned, allowed, strict=True
        ):
            if plan > limit:
                raise BenchProblem(
                    f"scenario {self.name} plans {plan:,.0f} {name}, its limits allow {limit:,.0f}"
                )
        if self.flat is not None and self.flat.phase not in {phase.name for phase in self.phases}:
            raise BenchProblem(
                f"scenario {self.name}: flat names the phase {self.flat.phase!r}, which there is not"
            )
        for population in populations:
            if population.protocol not in {"http2", "http1"}:
                raise BenchProblem(
                    f"scenario {self.name}: protocol must be http2 or http1, not {population.protocol}"
                )


FOLDERS = (
    Path(__file__).parent / "scenarios",  # in an installed package
    Path(__file__).parent.parent.parent / "benchmarks" / "scenarios",  # in a checkout
)


def available() -> dict[str, Path]:
    """The scenarios that come with the project, by name."""
    return {path.stem: path for folder in reversed(FOLDERS) for path in sorted(folder.glob("*.yaml"))}


def load_scenario(name: str) -> tuple[Scenario, dict[str, object]]:
    """A scenario by its name or its file, and the plain document it was read from.

    Raises `BenchProblem`.
    """
    import yaml  # noqa: PLC0415  # a load process, which gets the document from its coordinator, does not need it

    path = Path(name) if name.endswith((".yaml", ".yml")) else available().get(name)
    if path is None:
        raise BenchProblem(
            f"no scenario {name!r}; there are {', '.join(sorted(available()))}, or name a .yaml file"
        )
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as problem:
        raise BenchProblem(f"cannot read the scenario {path}: {problem.strerror}") from None
    except yaml.YAMLError as problem:
        raise BenchProblem(f"the scenario {path} is not YAML: {' '.join(str(problem).split())}") from None
    try:
        scenario = msgspec.convert(document, Scenario)
    except msgspec.ValidationError as problem:
        raise BenchProblem(f"the scenario {path}: {problem}") from None
    return scenario, document
