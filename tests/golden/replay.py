"""Sends the recorded exchanges to a server, in order, and compares the answers.

What differs from run to run (uids, revisions, times, allocated addresses) is normalised on both sides; a
resourceVersion, uid or continue token that the recording's server gave is replaced by what the server under test gave
in its place, so that updates and watches carry the values of the server they are sent to.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

EXCHANGES = Path(__file__).parent / "exchanges.jsonl"
VOLATILE = {
    "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time", "clusterIP", "clusterIPs", "nodePort", "continue",
    "selfLink", "lastTransitionTime", "startTime", "firstTimestamp", "lastTimestamp", "storageVersionHash", "hash",
    "serverAddressByClientCIDRs", "serverRelativeURL", "healthCheckNodePort", "expirationTimestamp", "token",
}  # fmt: skip
VOLATILE_TEXT = re.compile(
    r"^\d+s$|gen-[a-z0-9]{5}|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{8}-[0-9a-f-]{27}|\(\d+\)|current: \d+|10\.0\.0\.\d+|(?<=80:)3\d{4}(?=/TCP)",
)
CARRIED = ("resourceVersion", "uid", "continue")


class Comparison(NamedTuple):
    """One exchange and what the server under test made of it."""

    exchange: dict[str, Any]
    status: int
    answer: Any

    @property
    def status_equal(self) -> bool:
        return self.status == self.exchange["status"]

    @property
    def equal(self) -> bool:
        return self.status_equal and normal(self.answer) == normal(self.exchange["response"])


def normal(value: Any) -> Any:
    """A document without what differs from run to run, and without managedFields (they come with server-side apply)."""
    if isinstance(value, dict):
        return {
            key: "*" if key in VOLATILE and item not in (None, "") else normal(item)
            for key, item in value.items()
            if key != "managedFields"
        }
    if isinstance(value, list):
        return [normal(item) for item in value]
    return VOLATILE_TEXT.sub("*", value) if isinstance(value, str) else value


class Replay:
    """One pass over the exchanges against `url`."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        context = ssl._create_unverified_context()
        self._connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=context, timeout=20
        )
        self._token = token
        self._ours: dict[str, str] = {}  # a recorded revision, uid or token -> this server's

    def run(self) -> Iterator[Comparison]:
        """Every exchange, as the server answers it; the connection is closed at the end."""
        with closing(self._connection):
            yield from self._run()

    def _run(self) -> Iterator[Comparison]:
        for line in EXCHANGES.read_text().splitlines():
            exchange = json.loads(line)
            status, raw = self._send(exchange)
            answer = read_like(exchange["response"], raw)
            self._learn(exchange["response"], answer)
            yield Comparison(exchange, status, answer)

    def _send(self, exchange: dict[str, Any]) -> tuple[int, bytes]:
        body = self._translate(exchange["body"])
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        path = re.sub(
            r"(resourceVersion|continue)=([^&]+)",
            lambda match: f"{match[1]}={self._ours.get(match[2], match[2])}",
            exchange["path"],
        )
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": exchange["accept"],
            "User-Agent": "golden/1",
            "Content-Type": exchange["contentType"] or "application/json",
        }
        self._connection.request(exchange["method"], path, data, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def _learn(self, theirs: Any, ours: Any) -> None:
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs:
                if key in CARRIED and isinstance(theirs[key], str) and isinstance(ours.get(key), str):
                    self._ours[theirs[key]] = ours[key]
                elif key in ours:
                    self._learn(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours, strict=False):
                self._learn(one, other)

    def _translate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: self._ours.get(item, item)
                if key in ("resourceVersion", "uid") and isinstance(item, str)
                else self._translate(item)
                for key, item in value.items()
            }
        return [self._translate(item) for item in value] if isinstance(value, list) else value


def read_like(recorded: Any, raw: bytes) -> Any:
    """The answer in the form of the recorded one: a list of watch events, a document, or text."""
    try:
        return (
            [json.loads(line) for line in raw.splitlines()] if isinstance(recorded, list) else json.loads(raw)
        )
    except ValueError:
        return raw.decode("utf-8", "replace")
