"""What a real kube-apiserver answered about admission policies, asked of a fresh server of ours."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests import recordings
from tests.customs.sending import Answered, Sender
from tests.policies.requests import REQUESTS
from watchcache.testing.server import TestServer

EXCHANGES = recordings.read(Path(__file__).parent / "exchanges.jsonl")
ANSWERS = ("status", "answer", "warnings", "owners")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Answered]:
    """One pass over all requests, which build on each other."""
    with TestServer(tmp_path_factory.mktemp("policies")) as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        sender = Sender(server.url, server.token, context)
        return [sender.send(request) for request in REQUESTS]


def test_the_record_is_of_these_requests():
    """Whoever changes a request records it anew (scripts/record_policies.py)."""
    assert recordings.requests_of(EXCHANGES, ANSWERS) == recordings.as_json(REQUESTS)


@pytest.mark.parametrize(
    "number",
    range(len(EXCHANGES)),
    ids=lambda n: f"{n} {EXCHANGES[n]['method']} {EXCHANGES[n]['path'][-40:]}",
)
def test_answers_are_those_of_kube_apiserver(answers: list[Answered], number: int):
    """Status, document and warnings."""
    recorded = EXCHANGES[number]
    expected = {name: recorded[name] for name in ANSWERS if name in recorded}
    assert recordings.as_json(answers[number].recorded()) == expected
