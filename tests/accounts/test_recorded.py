"""What a real kube-apiserver answered about service accounts and tokens, asked of a fresh server of ours."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.accounts.requests import REQUESTS
from tests.accounts.sending import Sender
from watchcache.testing.server import TestServer

EXCHANGES = recordings.read(Path(__file__).parent / "exchanges.jsonl")
ANSWERED = ("status", "answer", "warnings", "sent", "claimed")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """One pass over all requests, which build on each other."""
    directory = tmp_path_factory.mktemp("accounts")
    with TestServer(directory, enable_admission_plugins=("ServiceAccount",)) as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        sender = Sender(server.url, server.token, context, directory / "pki" / "sa.key")
        yield [sender.send(request) for request in REQUESTS]


def test_the_record_is_of_these_requests():
    """Whoever changes a request records it anew (scripts/record_accounts.py)."""
    assert recordings.requests_of(EXCHANGES, ANSWERED) == recordings.as_json(REQUESTS)


@pytest.mark.parametrize(
    "number",
    range(len(EXCHANGES)),
    ids=lambda n: f"{n} {EXCHANGES[n].get('method', 'forge')} {EXCHANGES[n].get('path', '')[-40:]}",
)
def test_answers_are_those_of_kube_apiserver(answers: list[dict[str, Any]], number: int):
    """Status, document, warnings, headers that matter, and what a token claims."""
    recorded = EXCHANGES[number]
    expected = {name: recorded[name] for name in ANSWERED if name in recorded}
    assert recordings.as_json(answers[number]) == expected
