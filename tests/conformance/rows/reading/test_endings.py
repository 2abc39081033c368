"""How watches end with the server (W22), and watches over HTTP/2."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import pytest
import trio

from watchcache.server import Server
from watchcache.testing.server import TestServer

from .past import Past
from .remote import INITIAL, Remote, brief

MAPS = "/api/v1/namespaces/default/configmaps"


@contextmanager
def ending(directory: Path, **settings: Any) -> Iterator[TestServer]:
    """A server that may have ended by itself when the test is over."""
    server = TestServer(directory, **settings)
    server.start()
    try:
        yield server
    finally:
        with suppress(trio.RunFinishedError):
            server.stop()


def shut_down(server: TestServer) -> None:
    """Have a server end as SIGTERM does."""
    trio.from_thread.run_sync(Server.shut_down, server.server, trio_token=server._trio)


PROCESSES = pytest.mark.parametrize("workers", [0, 2])


@PROCESSES
def test_w22_open_watches_end_cleanly(tmp_path: Path, workers: int):
    """What was written before is delivered, the streams end as at their timeout, and nobody is let in any more."""
    with (
        ending(tmp_path, workers=workers) as server,
        closing(Remote(server, workers or 1)) as remote,
    ):
        with remote.watching(f"{MAPS}?watch=1&resourceVersion=1&labelSelector=a") as watch:
            created = remote.create(MAPS, "x", {"a": "b"})
            shut_down(server)
            assert brief(watch.rest()) == [("ADDED", "x", created)]
        with pytest.raises((OSError, http.client.HTTPException)):
            remote.get(MAPS)


@PROCESSES
def test_w22_newcomers_are_told_to_come_again(tmp_path: Path, workers: int):
    """During the delay only /readyz changes; then new requests get 429 as text while those that run finish."""
    settings: dict[str, Any] = {
        "shutdown_delay_duration": 1.5,
        "shutdown_send_retry_after": True,
        "workers": workers,
    }
    with (
        ending(tmp_path, **settings) as server,
        ThreadPoolExecutor(1) as pool,
        closing(Remote(server, workers or 1)) as remote,
        remote.watching(f"{MAPS}?watch=1&resourceVersion=1&labelSelector=a") as watch,
    ):
        assert remote.get("/readyz").status == 200
        shut_down(server)
        while remote.get("/readyz").status == 200:
            pass
        created = remote.create(MAPS, "x", {"a": "b"})
        running = pool.submit(remote.get, f"{MAPS}?resourceVersion={10**15}")  # takes three seconds
        while (answer := remote.get(MAPS)).status == 200:
            pass
        assert (answer.status, answer.headers["retry-after"]) == (429, "5")
        assert answer.headers["connection"] == "close"
        assert answer.body.strip() == b"The apiserver is shutting down, please try again later."
        assert remote.get(MAPS).status == 429  # of the other process, where nothing runs
        assert running.result().status == 504
        assert brief(watch.rest()) == [("ADDED", "x", created)]


class Http2:
    """An HTTP/2 connection with several watches on it."""

    def __init__(self, server: TestServer) -> None:
        parts = urlsplit(server.url)
        context = ssl.create_default_context(cafile=str(server.ca_file))
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection((parts.hostname, parts.port), timeout=10)
        self._socket = context.wrap_socket(raw, server_hostname=parts.hostname)
        self._token = server.token
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._bodies: dict[int, bytes] = {}
        self._ended: set[int] = set()

    def get(self, path: str) -> int:
        """Send a GET; returns its stream."""
        stream = self._h2.get_next_available_stream_id()
        heads = [(":method", "GET"), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self._h2.send_headers(stream, [*heads, ("authorization", f"Bearer {self._token}")], end_stream=True)
        self._socket.sendall(self._h2.data_to_send())
        self._bodies[stream] = b""
        return stream

    def events(self, stream: int) -> list[dict[str, Any]]:
        """All events of a watch, when its stream has ended."""
        while stream not in self._ended:
            for event in self._h2.receive_data(self._socket.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    self._bodies[event.stream_id] += event.data
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self._ended.add(event.stream_id)
            self._socket.sendall(self._h2.data_to_send())
        return [json.loads(line) for line in self._bodies[stream].splitlines()]

    def close(self) -> None:
        """Leave the server."""
        self._socket.close()


@PROCESSES
def test_watches_share_an_http2_connection(tmp_path: Path, workers: int):
    """Replay, state, selectors, one object, an expired revision and an end at once, side by side."""
    with TestServer(tmp_path, first_revision=1000, workers=workers) as server:
        remote = Remote(server, workers or 1)
        past = Past(remote, MAPS)
        client = Http2(server)
        paths = {
            "replayed": f"{past.watch}&resourceVersion={past.start}",
            "state": f"{past.watch}&{INITIAL}&labelSelector=app%3Dx",
            "selected": f"{past.watch}&resourceVersion={past.made_b}&labelSelector=app%3Dx",
            "single": f"{past.watch}&resourceVersion={past.start}&fieldSelector=metadata.name%3Da",
            "old": f"{past.watch}&resourceVersion=5",
            "negative": f"{MAPS}?watch=1&timeoutSeconds=-1&resourceVersion={past.now}",
        }
        streams = {name: client.get(path) for name, path in paths.items()}
        found = {name: client.events(stream) for name, stream in streams.items()}
        client.close()
        remote.close()
    assert found["old"][0]["object"]["message"].startswith("too old resource version: 5 (")
    assert {name: brief(events) for name, events in found.items() if name != "old"} == {
        "replayed": past.events,
        "state": past.state[1:],
        "selected": [("DELETED", "b", past.left), ("ADDED", "b", past.back), *past.events[4:]],
        "single": [("ADDED", "a", past.made_a)],
        "negative": [],
    }
