"""What every host must do, over the wire host and over Hypercorn: requests, answers, streams, watches, disconnects.

Spoken in HTTP/1.1 by hand, because what is looked at is the bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

sys.path.insert(0, str(Path(__file__).parent.parent / "http"))

from served import running_api

from watchcache.http import Api
from watchcache.http.hypercorn_host import serve_with_hypercorn
from watchcache.http.wire import Limits, listen, serve

MAPS = "/api/v1/namespaces/default/configmaps"


class Response(NamedTuple):
    """An answer as it came over the connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


class Connection:
    """A client's HTTP/1.1 connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._buffer = b""

    async def ask(self, method: str, target: str, body: Any = None, **headers: str) -> Response:
        """One request and its whole answer."""
        await self.send(method, target, body, **headers)
        return await self.response(with_body=method != "HEAD")

    async def send(self, method: str, target: str, body: Any = None, **headers: str) -> None:
        """A request."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"host": "localhost", "authorization": "Bearer good"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if data or body is not None:
            fields["content-length"] = str(len(data))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
        await self.stream.send_all(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + data)

    async def response(self, *, with_body: bool = True) -> Response:
        """The next answer, whole."""
        status, headers = await self.head()
        if not with_body or status in {204, 304}:
            return Response(status, headers, b"")
        if "content-length" in headers:
            return Response(status, headers, await self.exactly(int(headers["content-length"])))
        blocks = []
        while block := await self.chunk():
            blocks.append(block)
        return Response(status, headers, b"".join(blocks))

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status line and headers."""
        lines = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:] if line]
        return int(lines[0].split()[1]), {name.lower(): value for name, value in pairs}

    async def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        size = int(await self.until(b"\r\n"), 16)
        return (await self.exactly(size + 2))[:-2]

    async def event(self) -> dict[str, Any]:
        """The next event of a watch, which may share a chunk with others."""
        while b"\n" not in self._events:
            self._events += await self.chunk()
        line, _, self._events = self._events.partition(b"\n")
        decoded: dict[str, Any] = json.loads(line)
        return decoded

    _events = b""

    async def until(self, mark: bytes) -> bytes:
        """All bytes up to a mark, which is taken too."""
        while mark not in self._buffer:
            await self._receive()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    async def exactly(self, size: int) -> bytes:
        """So many bytes."""
        while len(self._buffer) < size:
            await self._receive()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    async def _receive(self) -> None:
        with trio.fail_after(10):
            data = await self.stream.receive_some(65536)
        assert data, f"the server closed the connection; left over: {self._buffer[:200]!r}"
        self._buffer += data


class Served(NamedTuple):
    """A running server: the handler's object, and how to connect."""

    api: Api
    connect: Callable[[], Awaitable[Connection]]


@asynccontextmanager
async def on_wire(api: Api) -> AsyncIterator[int]:
    """The wire host on a free port."""
    listeners = listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        limits = Limits(too_large=api.too_large)

        async def start(*, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
            await serve(api.handle, listeners, tls=None, limits=limits, task_status=task_status)

        await nursery.start(start)
        yield listeners[0].getsockname()[1]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def on_hypercorn(api: Api) -> AsyncIterator[int]:
    """Hypercorn on a free port."""
    probe = listen("127.0.0.1", 0)[0]
    port = probe.getsockname()[1]
    probe.close()
    ended = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await serve_with_hypercorn(api, "127.0.0.1", port, shutdown=ended.wait)

        nursery.start_soon(run)
        for _ in range(500):
            try:
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                break
            except OSError:
                await trio.sleep(0.01)
        yield port
        ended.set()
        nursery.cancel_scope.cancel()


HOSTS = {"wire": on_wire, "hypercorn": on_hypercorn}


@pytest.fixture(params=HOSTS)
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    """A fresh server on each host."""
    streams: list[trio.SocketStream] = []
    async with running_api() as api, HOSTS[request.param](api) as port:

        async def connect() -> Connection:
            streams.append(await trio.open_tcp_stream("127.0.0.1", port))
            return Connection(streams[-1])

        yield Served(api, connect)
        for stream in streams:
            await stream.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in the server's tasks; fails after 5 seconds."""
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - the tests have no part in what they wait for
            await trio.sleep(0.005)


def configmap(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name}, "data": data}


async def test_an_object_goes_in_and_comes_out(served: Served):
    """Requests with and without a body on one connection, each answered with its length."""
    client = await served.connect()
    created = await client.ask("POST", MAPS, configmap("a", k="v"), content_type="application/json")
    assert created.status == 201
    read = await client.ask("GET", f"{MAPS}/a")
    assert (read.status, read.body) == (200, created.body)
    assert read.headers["content-type"] == "application/json"
    assert read.headers["cache-control"] == "no-cache, private"
    assert read.headers["audit-id"]
    assert read.headers["content-length"] == str(len(read.body))


async def test_strangers_are_refused_and_health_is_open(served: Served):
    """401 without a token; /readyz answers anyone."""
    client = await served.connect()
    assert (await client.ask("GET", MAPS, authorization="")).status == 401
    assert (await client.ask("GET", "/readyz", authorization="")).body == b"ok"


async def test_the_path_reaches_the_handler_as_it_was_sent(served: Served):
    """Escapes, dots and double slashes are the handler's to judge."""
    client = await served.connect()
    assert (await client.ask("GET", f"{MAPS}/%2e%2e")).status == 400
    assert (await client.ask("GET", "/api/v1/namespaces/default%2fconfigmaps")).document()[
        "kind"
    ] == "ConfigMapList"
    assert (await client.ask("GET", "//api/v1/pods")).body == b"404 page not found\n"


async def test_a_head_has_no_body(served: Served):
    """The refusal's length is told, its body is not sent, and the connection goes on."""
    client = await served.connect()
    assert (await client.ask("HEAD", MAPS)).status == 405
    assert (await client.ask("GET", MAPS)).status == 200


async def test_a_body_over_the_limit_is_refused(served: Served):
    """3 MiB pass to the handler, one byte more is 413."""
    client = await served.connect()
    response = await client.ask("POST", MAPS, b" " * (3 * 1024 * 1024 + 1), content_type="application/json")
    assert response.status == 413
    assert response.document()["reason"] == "RequestEntityTooLarge"


async def test_a_large_list_is_streamed(served: Served):
    """Blocks of an unknown total length arrive whole."""
    client = await served.connect()
    for number in range(600):
        await client.ask("POST", MAPS, configmap(f"c{number:04}"), content_type="application/json")
    listed = await client.ask("GET", MAPS)
    assert "content-length" not in listed.headers
    assert len(listed.document()["items"]) == 600


async def test_a_watch_brings_events_while_they_happen(served: Served):
    """Headers come before the first event, each event when it happens."""
    client, writer = await served.connect(), await served.connect()
    await client.send("GET", f"{MAPS}?watch=1&resourceVersion=0")
    status, headers = await client.head()
    assert (status, headers["content-type"]) == (200, "application/json")
    for number in range(3):
        created = await writer.ask("POST", MAPS, configmap(f"c{number}"), content_type="application/json")
        assert await client.event() == {"type": "ADDED", "object": created.document()}


async def test_a_watch_ends_cleanly(served: Served):
    """At the timeout the stream ends with its last chunk, and the connection serves on."""
    client = await served.connect()
    await client.send("GET", f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion=1")
    await client.head()
    assert await client.chunk() == b""
    assert served.api.lifecycle.watches == 0


async def test_a_watch_whose_client_leaves_is_forgotten(served: Served):
    """Closing the connection stops the watch on the server."""
    client = await served.connect()
    await client.send("GET", f"{MAPS}?watch=1&resourceVersion=1")
    await client.head()
    await until(lambda: served.api.lifecycle.watches == 1)
    await client.stream.aclose()
    await until(lambda: served.api.lifecycle.watches == 0)


async def test_the_page_for_people_is_there(served: Served):
    """`/ui/` comes from the Quart application on both hosts, for users only."""
    client = await served.connect()
    assert (await client.ask("GET", "/ui/", authorization="")).status == 401
    page = await client.ask("GET", "/ui/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
