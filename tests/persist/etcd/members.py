"""A cluster of three."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.etcds import Etcd

TRIES = 3  # with other ports, when somebody else takes one between its being chosen and being bound


def start_cluster(scratch: Path) -> list[Etcd]:
    """Three members that have found each other, with short elections."""
    tries = 0
    while True:
        tries += 1
        members = [Etcd(scratch / f"cluster{tries}" / f"member{number}") for number in range(3)]
        try:
            _start(members)
        except AssertionError:
            for each in members:
                each.stop()
            if tries == TRIES:
                raise
        else:
            return members


def _start(members: list[Etcd]) -> None:
    peers = ",".join(f"m{number}=http://127.0.0.1:{each._peer}" for number, each in enumerate(members))
    for number, each in enumerate(members):
        each.arguments = (
            f"--name=m{number}",
            f"--initial-cluster={peers}",
            "--heartbeat-interval=50",
            "--election-timeout=500",
        )
        each.start(wait=False)
    for each in members:
        each._wait()


def leader_of(members: list[Etcd]) -> Etcd:
    """The member that leads, asked of each that runs."""
    for each in members:
        if each.process is not None:
            request = urllib.request.Request(f"{each.url}/v3/maintenance/status", b"{}", method="POST")
            with urllib.request.urlopen(request, timeout=5) as answer:
                status = json.load(answer)
            if status["header"]["member_id"] == status.get("leader"):
                return each
    raise AssertionError("nobody leads")
