"""What a real kube-apiserver 1.36.3 with NodeRestriction answered to nodes, asked of fresh servers of ours."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.noderestriction.requests import REQUESTS, TOKENS
from tests.noderestriction.sending import Sender
from watchcache.testing.server import TestServer

MODES = {"open": ("AlwaysAllow",), "guarded": ("Node", "RBAC")}


def _recorded(mode: str) -> list[dict[str, Any]]:
    lines = (Path(__file__).parent / f"{mode}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


EXCHANGES = [(mode, number, line) for mode in MODES for number, line in enumerate(_recorded(mode))]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """One pass over all requests for each mode."""
    return {mode: _pass(tmp_path_factory.mktemp(mode), mode) for mode in MODES}


def _pass(directory: Path, mode: str) -> list[dict[str, Any]]:
    (directory / "users.csv").write_text(TOKENS)
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "sa.key").write_bytes(key)
    with TestServer(
        directory,
        authorization_mode=MODES[mode],
        token_auth_file=str(directory / "users.csv"),
        service_account_signing_key_file=str(directory / "sa.key"),
        enable_admission_plugins=("NodeRestriction",),
        disable_admission_plugins=("ServiceAccount",),
    ) as server:
        sender = Sender(server.url, ssl.create_default_context(cafile=str(server.ca_file)))
        return [sender.send(request) for request in REQUESTS[mode]]


@pytest.mark.parametrize(
    ("mode", "number", "line"),
    EXCHANGES,
    ids=[f"{mode} {n} {line['path'][-30:]}" for mode, n, line in EXCHANGES],
)
def test_answers_are_those_of_kube_apiserver(
    answers: dict[str, list[dict[str, Any]]], mode: str, number: int, line: dict[str, Any]
):
    """Status, and what is said of refusals."""
    request = REQUESTS[mode][number]
    assert {name: line[name] for name in ("as", "method", "path")} == {
        name: request[name] for name in ("as", "method", "path")
    }
    assert answers[mode][number] == {name: line[name] for name in ("status", "answer") if name in line}
