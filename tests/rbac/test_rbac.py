"""What a real kube-apiserver with Node and RBAC answered to several users, asked of a fresh server of ours."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.rbac.requests import REQUESTS, TOKENS
from tests.rbac.sending import Sender
from watchcache.testing.server import TestServer

ANSWERS = ("status", "answer")
EXCHANGES = recordings.read(Path(__file__).parent / "exchanges.jsonl")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One pass over all requests, which build on each other."""
    directory = tmp_path_factory.mktemp("rbac")
    users = directory / "users.csv"
    users.write_text(TOKENS)
    with TestServer(
        directory, authorization_mode=("Node", "RBAC"), anonymous_auth=True, token_auth_file=str(users)
    ) as server:
        sender = Sender(server.url, ssl.create_default_context(cafile=str(server.ca_file)))
        return [sender.send(request) for request in REQUESTS]


def test_the_record_is_of_these_requests():
    """Whoever changes a request records it anew (scripts/record_rbac.py)."""
    assert recordings.requests_of(EXCHANGES, ANSWERS) == recordings.as_json(REQUESTS)


@pytest.mark.parametrize(
    "number",
    range(len(EXCHANGES)),
    ids=lambda n: f"{n} {EXCHANGES[n]['as']} {EXCHANGES[n]['method']} {EXCHANGES[n]['path'][-40:]}",
)
def test_answers_are_those_of_kube_apiserver(answers: list[dict[str, Any]], number: int):
    """Status and document."""
    recorded = EXCHANGES[number]
    expected = {name: recorded[name] for name in ANSWERS if name in recorded}
    assert answers[number] == expected
