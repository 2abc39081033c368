"""Sends requests about custom resources, and waits where what a definition says takes a moment to be so."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from tests.golden.replay import normal

PATIENCE = 30.0
Request = dict[str, Any]


class Answered(NamedTuple):
    """What came: the status, the document, the texts of its warnings."""

    status: int
    answer: Any
    warnings: list[str]

    def recorded(self) -> dict[str, Any]:
        """As it is compared: without what differs from run to run."""
        made = {"status": self.status, "answer": normal(self.answer), "warnings": self.warnings}
        owners = self._owners()
        return made | ({"owners": owners} if owners else {})

    def _owners(self) -> list[Any]:
        """Who owns what, of an object that was applied: others are kept track of by kube-apiserver alone."""
        metadata = self.answer.get("metadata") if isinstance(self.answer, dict) else None
        entries = (metadata or {}).get("managedFields") or []
        if not any(entry["operation"] == "Apply" for entry in entries):
            return []
        return [
            [entry["manager"], entry["operation"], entry.get("subresource", ""), entry["fieldsV1"]]
            for entry in entries
        ]


class Sender:
    """A client; a request has method, path, and perhaps body, type, accept, `until` (the status to wait for)."""

    def __init__(self, url: str, token: str, context: ssl.SSLContext) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "customs/1"}
        self._context = context

    def send(self, request: Request) -> Answered:
        """Send it, again and again until it has the status that it waits for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answered = self._send(request)
            if answered.status == request.get("until", answered.status):
                return answered
            assert time.monotonic() < deadline, f"{request['path']} is still {answered}"
            time.sleep(0.05)  # asks a server, ours or kube-apiserver: no clock of ours could be wound on

    def _send(self, request: Request) -> Answered:
        body = request.get("body")
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers = {**self._headers, "Accept": request.get("accept", "application/json")}
        if data is not None:
            headers["Content-Type"] = request.get("type", "application/json")
        asked = urllib.request.Request(self._url + request["path"], data, headers, method=request["method"])
        try:
            with urllib.request.urlopen(asked, context=self._context, timeout=PATIENCE) as response:
                return _read(response.status, response.read(), response.headers.get_all("Warning"))
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.code, error.read(), error.headers.get_all("Warning"))


def _read(status: int, text: bytes, warnings: list[str] | None) -> Answered:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text.decode()
    return Answered(status, answer, sorted(warnings or []))
