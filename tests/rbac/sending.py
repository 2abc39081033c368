"""Sends requests of several users, and says what came without what differs from run to run."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.golden.replay import normal
from tests.rbac.requests import TOKENS

_SHORT = {"system:node:n1": "node", "system:node:n2": "other-node", "kubelet": "nobodys-node"}


def tokens() -> Mapping[str, str]:
    """The bearer tokens by the users' names; of accounts and nodes, a short one."""
    found = {}
    for line in TOKENS.splitlines():
        token, name = line.split(",")[:2]
        found[_SHORT.get(name, name.rpartition(":")[2])] = token
    return found


class Sender:
    """A client of many users; each request has a connection of its own, as `headers` may be there twice."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._context = parts.hostname or "", parts.port, context
        self._tokens = tokens()

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The status and the answer."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=30)
        try:
            connection.putrequest(request["method"], request["path"])
            body = json.dumps(request["body"]).encode() if "body" in request else b""
            for name, value in self._headers(request, body):
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        return {"status": response.status} | ({"answer": _read(text)} if request.get("content", True) else {})

    def _headers(self, request: Mapping[str, Any], body: bytes) -> list[tuple[str, str]]:
        headers = [("Accept", "application/json"), ("Content-Length", str(len(body)))]
        if body:
            headers.append(("Content-Type", request.get("type", "application/json")))
        if request["as"]:
            headers.append(("Authorization", f"Bearer {self._tokens[request['as']]}"))
        return headers + [(name, value) for name, value in request.get("headers", ())]


def _read(text: bytes) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        return text.decode()
    state = answer.get("status") if isinstance(answer, dict) else None
    if isinstance(state, dict):
        for name in ("resourceRules", "nonResourceRules"):  # kube-apiserver lists bindings in no order
            if name in state:
                state[name] = sorted(json.dumps(rule, sort_keys=True) for rule in state[name])
    return normal(answer)
