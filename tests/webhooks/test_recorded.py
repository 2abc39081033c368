"""What a real kube-apiserver asked of webhooks and answered to clients, asked of a fresh server of ours."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests import recordings
from tests.webhooks import converting
from tests.webhooks.behaviours import BEHAVIOURS
from tests.webhooks.conversation import Conversation
from tests.webhooks.hook import Hook
from tests.webhooks.steps import STEPS
from watchcache.testing.server import TestServer

EXCHANGES = recordings.read(Path(__file__).with_name("exchanges.jsonl"))
CONVERSIONS = recordings.read(Path(__file__).with_name("conversions.jsonl"))
TAINTED = "/api/v1/nodes"
"""New nodes get their taint after webhooks have seen them, not before."""
CAME = ("status", "answer", "warnings", "asked")


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One pass over all steps, which build on each other; what is configured holds when the write is answered."""
    directory = tmp_path_factory.mktemp("webhooks")
    with Hook(directory / "hook", BEHAVIOURS) as hook, TestServer(directory) as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        conversation = Conversation(server.url, server.token, context, hook, lambda: None)
        return list(conversation.run(STEPS))


@pytest.fixture(scope="module")
def conversions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The same of the steps about conversion."""
    directory = tmp_path_factory.mktemp("conversions")
    with Hook(directory / "hook", converting.BEHAVIOURS) as hook, TestServer(directory) as server:
        context = ssl.create_default_context(cafile=str(server.ca_file))
        conversation = Conversation(server.url, server.token, context, hook, lambda: None)
        return list(conversation.run(converting.STEPS))


@pytest.mark.parametrize(
    ("record", "steps"),
    [(EXCHANGES, STEPS), (CONVERSIONS, converting.STEPS)],
    ids=["admission", "conversion"],
)
def test_the_record_is_of_these_steps(record: list[dict[str, Any]], steps: list[dict[str, Any]]):
    """Whoever changes a step records it anew (scripts/record_webhooks.py)."""
    assert recordings.requests_of(record, CAME) == recordings.as_json(steps)


@pytest.mark.parametrize(
    "number",
    range(len(EXCHANGES)),
    ids=lambda n: f"{n} {EXCHANGES[n]['method']} {EXCHANGES[n]['path'][-40:]}",
)
def test_webhooks_and_clients_get_what_kube_apiserver_gives_them(
    exchanges: list[dict[str, Any]], number: int
):
    """Status, document and warnings to the client; the reviews, in their order, to the webhooks."""
    expected = {name: EXCHANGES[number][name] for name in CAME}
    if EXCHANGES[number]["path"] == TAINTED:
        for asked in expected["asked"]:
            asked["review"]["request"]["object"]["spec"].pop("taints")
    assert recordings.as_json(exchanges[number]) == expected


@pytest.mark.parametrize(
    "number",
    range(len(CONVERSIONS)),
    ids=lambda n: f"{n} {CONVERSIONS[n]['method']} {CONVERSIONS[n]['path'][-40:]}",
)
def test_converted_objects_are_those_of_kube_apiserver(conversions: list[dict[str, Any]], number: int):
    """Status, document and warnings; how often a webhook is asked depends on what is cached."""
    names = CAME[:3]
    came = {name: conversions[number][name] for name in names}
    assert recordings.as_json(came) == {name: CONVERSIONS[number][name] for name in names}
