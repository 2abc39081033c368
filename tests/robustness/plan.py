"""What is broken, and when: from the seed alone. Pure.

At no time are two faults on one process or link; most leave the members a quorum, some take it away for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

QUIET = 5.0  # seconds at the end without new faults
CALM = 12.0  # seconds after a backup was put back, in which the servers end and start again
PAUSE = 2.0  # seconds between the beginnings of two faults, on average


class Step(msgspec.Struct, frozen=True):
    """One fault. targets: `server0`, `etcd1`, `server0-etcd1` (the link), `leader`; seconds: how long it lasts.

    `part` with one member parts it from all others, with two these from each other.
    """

    at: float
    what: str
    targets: tuple[str, ...]
    seconds: float


class Kind(msgspec.Struct, frozen=True):
    """A kind of fault: what, of which targets, for how long; weight: how often."""

    what: str
    where: str  # server, member, quorum, pair, link, links, leader, cluster
    shortest: float
    longest: float
    weight: int


KINDS = (
    Kind("kill", "server", 0.1, 3, 4),
    Kind("end", "server", 0.1, 1, 2),
    Kind("freeze", "server", 0.5, 15, 4),
    Kind("kill", "member", 0.2, 6, 3),
    Kind("freeze", "member", 0.5, 9, 3),
    Kind("kill", "quorum", 1, 5, 1),
    Kind("freeze", "quorum", 1, 8, 1),
    Kind("stutter", "member", 2, 8, 2),
    Kind("replace", "member", 0.2, 4, 2),
    Kind("part", "member", 1, 10, 2),
    Kind("part", "pair", 1, 12, 2),
    Kind("part", "leader", 1, 8, 2),
    Kind("freeze", "leader", 1, 6, 2),
    Kind("kill", "leader", 0.2, 4, 2),
    Kind("move", "leader", 0, 0, 3),
    Kind("cut", "link", 0.1, 5, 3),
    Kind("stall", "link", 1, 20, 3),
    Kind("slow", "link", 1, 5, 2),
    Kind("cut", "links", 0.1, 8, 3),
    Kind("stall", "links", 1, 22, 3),
    Kind("slow", "links", 1, 5, 1),
    Kind("compact", "cluster", 0, 0, 5),
)
SLOW_DISKS = (
    Kind("drag", "member", 2, 15, 4),
    Kind("drag", "quorum", 2, 12, 3),
    Kind("drag", "leader", 2, 12, 4),
)  # of members that sync


def plan(seed: str, seconds: float, servers: int, members: int, kinds: Sequence[Kind] = KINDS) -> list[Step]:
    """The faults of a run, in order."""
    random = Random(f"{seed}/plan")
    busy: dict[str, float] = {}  # until when
    steps: list[Step] = []
    now = 1.0
    while now < seconds - QUIET:
        kind = random.choices(kinds, [each.weight for each in kinds])[0]
        lasts = min(random.uniform(kind.shortest, kind.longest), seconds - now)
        targets = _targets(random, kind.where, servers, members)
        blocked = _blocks(kind.where, targets, members)
        if all(busy.get(each, 0.0) <= now for each in blocked):
            steps.append(Step(round(now, 2), kind.what, targets, round(lasts, 2)))
            # A process that comes back gets a moment.
            busy.update(dict.fromkeys(blocked, now + lasts + (2.0 if lasts else 0.0)))
        now += random.expovariate(1 / PAUSE)
    return steps


def with_restore(steps: Sequence[Step], seed: str, seconds: float) -> list[Step]:
    """The same with a backup of etcd that is put back some seconds later; other faults keep away from it."""
    random = Random(f"{seed}/restore")
    at, lasts = random.uniform(0.2, 0.4) * seconds, random.uniform(3, 8)
    kept = [each for each in steps if each.at > at + lasts + CALM or each.at + each.seconds < at - 3]
    return sorted([*kept, Step(round(at, 2), "restore", (), round(lasts, 2))], key=lambda each: each.at)


def _targets(random: Random, where: str, servers: int, members: int) -> tuple[str, ...]:
    server = f"server{random.randrange(servers)}"
    several = random.sample(range(members), members // 2 + 1)
    return {
        "server": (server,),
        "member": (f"etcd{several[0]}",),
        "quorum": tuple(f"etcd{each}" for each in several),
        "pair": tuple(f"etcd{each}" for each in several[:2]),
        "link": (f"{server}-etcd{several[0]}",),
        "links": tuple(f"{server}-etcd{each}" for each in range(members)),
        "leader": ("leader",),
        "cluster": (),
    }[where]


def _blocks(where: str, targets: Sequence[str], members: int) -> list[str]:
    if where in {"member", "quorum", "pair", "leader"}:  # one of these at a time
        return [*(f"etcd{each}" for each in range(members))]
    return list(targets)
