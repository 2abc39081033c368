"""A client that speaks plain HTTP/1.1 over TLS to a server, so that what is looked at is what a client gets."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from tests.conformance.rows.dealing import Dealer, Place, Turns

INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def said(self) -> tuple[int, str | None, str]:
        """Code, reason and message of a Status."""
        document = self.document
        assert document["kind"] == "Status", document
        assert document["code"] == self.status
        return self.status, document.get("reason"), document["message"]

    @property
    def names(self) -> list[str]:
        """The names of a list's objects, in order."""
        return [item["metadata"]["name"] for item in self.document["items"]]

    @property
    def revision(self) -> int:
        """The resourceVersion of a list or an object."""
        return int(self.document["metadata"]["resourceVersion"])

    @property
    def token(self) -> str:
        """The continue token of a list; "" when it is the last page."""
        token: str = self.document["metadata"].get("continue", "")
        return token


class Watching:
    """An open watch: its headers have come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    def next(self) -> dict[str, Any] | None:
        """The next event; None when the stream has ended cleanly."""
        line = self._response.readline()
        event: dict[str, Any] | None = json.loads(line) if line else None
        return event

    def rest(self) -> list[dict[str, Any]]:
        """Every event up to the end."""
        return list(iter(self.next, None))


class Remote:
    """A client of one server, usable from several threads; each has connections of its own, one to each process, for requests in turn."""

    def __init__(self, server: Place, processes: int = 1) -> None:
        parts = urlsplit(server.url)
        self._host, self._port = parts.hostname or "", parts.port
        self._context = ssl.create_default_context(cafile=str(server.ca_file))
        self._token = server.token
        self._local = threading.local()
        self._all: list[http.client.HTTPSConnection] = []
        self._dealer = Dealer(self._connect, server.token, processes)

    def _connect(self) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=20)
        self._all.append(connection)
        return connection

    def close(self) -> None:
        """Leave the server."""
        for connection in self._all:
            connection.close()

    def send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Any = None,
        **headers: str,
    ) -> http.client.HTTPResponse:
        """A request on a connection; returns when the headers of the answer have come."""
        self._dealer.catch_up(connection, path)
        fields = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, None if body is None else json.dumps(body), fields)
        return connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request and its whole answer."""
        if not hasattr(self._local, "turns"):
            self._local.turns = Turns(self._dealer)
        response = self.send(self._local.turns.next(), method, path, body, **headers)
        data = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def get(self, path: str, **headers: str) -> Answer:
        """A GET."""
        return self.ask("GET", path, **headers)

    def get_all(self, paths: list[str]) -> list[Answer]:
        """Several GETs at the same time, for those that wait."""
        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(self.get, paths))

    def create(self, path: str, name: str, labels: dict[str, str] | None = None, **members: Any) -> int:
        """POST an object; returns its revision."""
        metadata = {"name": name} | ({"labels": labels} if labels is not None else {})
        answer = self.ask("POST", path, {"metadata": metadata} | members)
        assert answer.status == 201, answer.body
        return answer.revision

    def merge(self, path: str, patch: Any) -> int:
        """PATCH an object; returns its revision."""
        answer = self.ask("PATCH", path, patch, Content_Type="application/merge-patch+json")
        assert answer.status == 200, answer.body
        return answer.revision

    def delete(self, path: str) -> None:
        """DELETE an object."""
        assert self.ask("DELETE", path).status == 200

    @contextmanager
    def watching(self, path: str, **headers: str) -> Iterator[Watching]:
        """An open watch, on a connection of its own."""
        connection = self._dealer.open()
        response = self.send(connection, "GET", path, **headers)
        assert response.status == 200, response.read()
        yield Watching(response)
        response.close()
        connection.close()

    def watch(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """All events of a watch that ends by itself."""
        with self.watching(path, **headers) as watch:
            return watch.rest()

    def watch_all(self, *paths: str) -> list[list[dict[str, Any]]]:
        """All events of several watches that run at the same time."""
        with ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(self.watch, paths))


def brief(events: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """(type, name, revision) of each event."""
    metas = [(event["type"], event["object"]["metadata"]) for event in events]
    return [(type, meta.get("name", ""), int(meta["resourceVersion"])) for type, meta in metas]


def query(**parameters: str) -> str:
    """Parameters of a URL, escaped."""
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
