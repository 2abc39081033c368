"""What a real kube-apiserver answered about custom resources, asked of a fresh server of ours."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests import recordings
from tests.customs.requests import REQUESTS
from tests.customs.sending import Answered, Sender
from watchcache.testing.server import TestServer

ANSWERS = ("status", "answer", "warnings", "owners")
EXCHANGES = recordings.read(Path(__file__).parent / "exchanges.jsonl")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Answered]:
    """One pass over all requests, which build on each other."""
    with TestServer(tmp_path_factory.mktemp("customs")) as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        sender = Sender(server.url, server.token, context)
        return [sender.send(request) for request in REQUESTS]


def test_the_record_is_of_these_requests():
    """Whoever changes a request records it anew (scripts/record_customs.py)."""
    assert recordings.requests_of(EXCHANGES, ANSWERS) == recordings.as_json(REQUESTS)


@pytest.mark.parametrize(
    "number",
    range(len(EXCHANGES)),
    ids=lambda n: f"{n} {EXCHANGES[n]['method']} {EXCHANGES[n]['path'][-40:]}",
)
def test_answers_are_those_of_kube_apiserver(answers: list[Answered], number: int):
    """Status, document and warnings; who owns the fields of what was applied."""
    recorded = EXCHANGES[number]
    expected = {name: recorded[name] for name in ANSWERS if name in recorded}
    assert recordings.as_json(answers[number].recorded()) == expected
