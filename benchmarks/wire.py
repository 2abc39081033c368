"""What the wire host itself costs: CPU of the server process per request and per watch delivery, as JSON lines.

The handler does nothing, so the figures are the host's. The client is another process on the same machine; only the
server's own CPU time counts. `python -m benchmarks.wire [seconds a measurement]`; with
`FRAMING=h2` in the environment HTTP/2 is framed by the `h2` library.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import trio

from benchmarks.certificates import self_signed
from watchcache.http.messages import Reply, Request, WatchReply
from watchcache.http.wire import listen, serve, server_context

BODY = b'{"kind":"Pod","apiVersion":"v1",' + b"x" * 1168
HEADERS = [
    ("Audit-Id", "0" * 36),
    ("Cache-Control", "no-cache, private"),
    ("Content-Type", "application/json"),
]
HEAD = (
    b"GET /api/v1/namespaces/default/pods/x HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench/1 (linux/amd64)\r\n"
    b"Accept: application/json\r\nAuthorization: Bearer 0123456789abcdef\r\nAccept-Encoding: gzip\r\n\r\n"
)
EVENT = b'{"type":"MODIFIED","object":' + b"x" * 1200 + b"}\n"
BATCH = 64  # events between two looks at the other tasks


class _Feed:
    """Sends one framed event to all sinks, as the dispatcher does, as fast as they take it."""

    def __init__(self) -> None:
        self.sinks: list = []
        self.ready: dict = {}
        self.sent = 0

    def start(self, sink) -> _Feed:
        self.sinks.append(sink)
        self.ready[sink] = True
        sink.on_drain(lambda: self.ready.__setitem__(sink, True))
        return self

    def stop(self) -> None:
        self.sinks.clear()

    async def run(self) -> None:
        while True:
            for sink in self.sinks:
                if self.ready[sink]:
                    framed = sink.framing(EVENT)
                    for _ in range(BATCH):
                        self.sent += 1
                        if not sink.send(framed):
                            self.ready[sink] = False
                            break
            await trio.lowlevel.checkpoint()


def _server(pipe, tls_files: tuple[str, str] | None) -> None:
    feed = _Feed()

    def handler(request: Request):
        if request.target == "/cpu":
            return Reply(200, [], json.dumps([time.process_time(), feed.sent]).encode())
        if request.target == "/watch":
            return WatchReply([], feed.start)
        return Reply(200, HEADERS, BODY)

    async def main() -> None:
        listeners = listen("127.0.0.1", 0)
        pipe.send(listeners[0].getsockname()[1])
        tls = server_context(*tls_files) if tls_files else None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed.run) if pipe.recv() else None
            await serve(handler, listeners, tls=tls, framing=os.environ.get("FRAMING", "own"))

    trio.run(main)


class _Http1:
    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.sock = _connect(port, context, "http/1.1")

    def get(self, head: bytes = HEAD) -> bytes:
        self.sock.sendall(head)
        data = self.sock.recv(65536)
        start = data.index(b"\r\n\r\n") + 4
        length = int(data[data.index(b"Content-Length: ") + 16 :].split(b"\r", 1)[0])
        while len(data) - start < length:
            data += self.sock.recv(65536)
        return data[start:]

    def get_cpu(self) -> tuple[float, int]:
        return tuple(json.loads(self.get(b"GET /cpu HTTP/1.1\r\nHost: a\r\n\r\n")))

    def watch(self) -> None:
        self.sock.sendall(b"GET /watch HTTP/1.1\r\nHost: a\r\n\r\n")


class _Http2:
    def __init__(self, port: int, context: ssl.SSLContext | None) -> None:
        self.sock = _connect(port, context, "h2")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.stream = -1

    def _ask(self, path: str) -> None:
        self.stream += 2
        fields = [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", "127.0.0.1")]
        fields += [
            ("user-agent", "bench/1"),
            ("accept", "application/json"),
            ("authorization", "Bearer 0123456789abcdef"),
        ]
        self.h2.send_headers(self.stream, fields, end_stream=True)
        self.sock.sendall(self.h2.data_to_send())

    def get(self, path: str = "/api/v1/namespaces/default/pods/x") -> bytes:
        self._ask(path)
        body = b""
        while True:
            for event in self.h2.receive_data(self.sock.recv(65536)):
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    return body

    def get_cpu(self) -> tuple[float, int]:
        return tuple(json.loads(self.get("/cpu")))

    def watch(self) -> None:
        self.h2.increment_flow_control_window(1 << 30)
        self._ask("/watch")
        self.h2.increment_flow_control_window((1 << 30), self.stream)
        self.sock.sendall(self.h2.data_to_send())


def _connect(port: int, context: ssl.SSLContext | None, protocol: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return sock
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(sock)


def measure_gets(client, seconds: float) -> tuple[int, float]:
    """Requests made, and the server's CPU seconds."""
    for _ in range(100):
        client.get()
    before, _ = client.get_cpu()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        client.get()
        count += 1
    return count, client.get_cpu()[0] - before


def measure_watch(client, observer, seconds: float) -> tuple[int, float]:
    """Events delivered, and the server's CPU seconds: reading raw, so that the client is the faster side."""
    client.watch()
    raw = client.sock
    end = time.monotonic() + seconds
    buffer = bytearray(1 << 20)
    before = None
    while time.monotonic() < end:
        raw.recv_into(buffer)
        if before is None:
            before = observer.get_cpu()
    after = observer.get_cpu()
    return after[1] - before[1], after[0] - before[0]


def run(name: str, client_type: Callable, tls: bool, watch: bool, seconds: float, folder: Path) -> None:
    """One measurement against a fresh server, printed."""
    files = self_signed(folder) if tls else None
    context = None
    if tls:
        context = ssl.create_default_context(cafile=files[0])
        context.check_hostname = False
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_server, args=(theirs, files), daemon=True)
    process.start()
    port = ours.recv()
    ours.send(watch)
    time.sleep(0.1)
    try:
        if watch:
            count, cpu = measure_watch(client_type(port, context), _Http1(port, context), seconds)
        else:
            count, cpu = measure_gets(client_type(port, context), seconds)
    finally:
        process.terminate()
        process.join()
    print(
        json.dumps({"name": name, "count": count, "cpu_us": round(cpu / count * 1e6, 1), "seconds": seconds}),
        flush=True,
    )


def main(seconds: float = 1.0) -> None:
    """All measurements."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, client in (("http1", _Http1), ("http2", _Http2)):
            for tls in (False, True):
                for watch in (False, True):
                    name = f"{'watch delivery' if watch else 'get'} {kind}{' tls' if tls else ''}"
                    run(name, client, tls, watch, seconds, Path(folder))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
