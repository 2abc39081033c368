"""A webhook server on loopback with a CA of its own: what it answers is chosen by the path, what it is asked is kept."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from watchcache.pki import Authority

Document = dict[str, Any]


class Asked(NamedTuple):
    """One request that came: path with query, headers that matter, body."""

    path: str
    headers: dict[str, str]
    review: Document


class Raw(NamedTuple):
    """An answer as it goes over the wire."""

    status: int
    body: bytes
    type: str = "application/json"
    more: tuple[tuple[str, str], ...] = ()


Behaviour = Callable[[Document], Document | Raw | None]
"""From a review to the response in it, or to something else altogether; None: hang up."""


class Hook:
    """The server; a context manager. `release` lets what waits at a behaviour go on."""

    def __init__(self, directory: Path, behaviours: dict[str, Behaviour], *, port: int = 0) -> None:
        authority = Authority(directory)
        pair = authority.ensure("hook", "hook", names=["127.0.0.1", "localhost", "hooks.default.svc"])
        self.ca = authority.files.certificate.read_text()
        self.asked: list[Asked] = []
        self.released = threading.Event()
        self.connections = 0
        self.open: set[socket.socket] = set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                hook.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.answer(self, json.loads(body))

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = False  # the end waits for them: sockets are closed by then

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A handshake that the client breaks off, or a client that left: nobody's business."""

            def finish_request(self, request: Any, client_address: Any) -> None:
                hook.open.add(request)
                try:
                    # A client that has said something waits for an answer: it does not leave while the socket is wrapped.
                    if request.recv(1, socket.MSG_PEEK):
                        self.secure(request, client_address)
                finally:
                    hook.open.discard(request)

            def secure(self, request: Any, client_address: Any) -> None:
                with context.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
                    hook.open.add(secured)
                    try:
                        secured.do_handshake()
                        super().finish_request(secured, client_address)
                    finally:
                        hook.open.discard(secured)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._behaviours = behaviours
        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"

    def answer(self, handler: BaseHTTPRequestHandler, review: Document) -> None:
        """Note what was asked, and answer as the path says."""
        path = urlsplit(handler.path).path
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append(Asked(handler.path, headers, review))
        said = self._behaviours[path](review)
        if said is None:
            handler.close_connection = True
            return
        if not isinstance(said, Raw):
            said = Raw(200, json.dumps(reviewed(review, said)).encode())
        handler.send_response(said.status)
        handler.send_header("Content-Type", said.type)
        for name, value in said.more:
            handler.send_header(name, value)
        if "Content-Length" not in dict(said.more):
            handler.send_header("Content-Length", str(len(said.body)))
        handler.end_headers()
        handler.wfile.write(said.body)
        if "Content-Length" in dict(said.more):
            handler.close_connection = True

    def wait_released(self, seconds: float) -> None:
        """Wait within a behaviour: until released, or for so long."""
        self.released.wait(seconds)

    def take(self) -> list[Asked]:
        """What was asked since the last call: mutating webhooks in their order, then the others by their paths."""
        taken, self.asked = self.asked, []
        return sorted(taken, key=lambda each: each.path if each.path.startswith("/v/") else "")

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self.released.set()
        self._server.shutdown()
        for each in [*self.open]:
            with suppress(OSError):  # it has just been closed
                each.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


def reviewed(review: Document, response: Document) -> Document:
    """The review that answers one: of the same version, with its uid unless the response has its own."""
    uid = review["request"]["uid"]
    return {
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {"uid": uid, **response},
    }


def patch(*operations: Document) -> Document:
    """A response that changes the object."""
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}
