"""M8: apply patches and all other writes of tracked objects are answered as a real kube-apiserver answered them, byte for byte.

Only times, uids, addresses and the numbers of revisions are not compared (whether a revision moved is). See record.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.apply.driving import Normal, encoded
from tests.apply.sequences import NAMESPACE, SEQUENCES
from tests.http.served import Client, running_api
from watchcache.http import Reply

ANSWERS: dict[str, list[Any]] = {
    row["sequence"]: row["answers"]
    for row in map(json.loads, Path(__file__).with_name("answers.jsonl").read_text().splitlines())
}


class Seconds:
    """Unix seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def answers_of(name: str) -> list[Any]:
    """What this server answers to a sequence; a second passes between two steps."""
    clock, normal, found = Seconds(), Normal(), []
    with trio.fail_after(60):
        async with running_api(clock=clock) as api:
            client = Client(api)
            await client.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            for step in SEQUENCES[name]:
                reply = await client.ask(
                    step.method, step.path, encoded(step.body), content_type=step.type, user_agent=step.agent
                )
                found.append(_answer(normal, reply))
                clock.now += 1
    return found


def _answer(normal: Normal, reply: Reply) -> list[Any]:
    assert isinstance(reply.body, bytes)
    warnings = [text for name, text in reply.headers if name.lower() == "warning"]
    return normal.of(reply.status, reply.body, warnings)


@pytest.mark.parametrize("name", SEQUENCES)
async def test_as_recorded(name: str):
    """Each answer is the real server's."""
    assert await answers_of(name) == ANSWERS[name]


def test_enough_is_compared():
    """The bar that was set: forty sequences."""
    assert len(SEQUENCES) >= 40
