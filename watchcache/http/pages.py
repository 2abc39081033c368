"""The Quart application behind the handler: how the wire host serves the pages for people.

One request is one short ASGI conversation in memory; pages are small, so the answer is collected whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from watchcache.http.messages import Reply, Request

if TYPE_CHECKING:  # Quart takes 0.4 s to import
    from watchcache.http.api import Api

# The host's business, not the application's.
_CONNECTION_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


class Pages:
    """Answers the paths for people; the application is made when the first of them comes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._app: Any = None

    async def __call__(self, request: Request) -> Reply:
        """The page a request asks for."""
        if self._app is None:
            # in a thread, because half a second of import would hold up every watch
            self._app = await trio.to_thread.run_sync(self._make)
        return await call_asgi(self._app, request)

    def _make(self) -> Any:
        from watchcache.http.app import create_app  # noqa: PLC0415

        return create_app(self._api)


async def call_asgi(app: Any, request: Request) -> Reply:
    """The whole answer of an ASGI application to one request."""
    reply = Reply(500, [], b"")
    blocks: list[bytes] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await trio.sleep_forever()
        sent = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            decoded = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            ]
            reply.headers = [header for header in decoded if header[0].lower() not in _CONNECTION_HEADERS]
        elif message["type"] == "http.response.body":
            blocks.append(message.get("body", b""))

    await app(scope_of(request), receive, send)
    reply.body = b"".join(blocks)
    return reply


def scope_of(request: Request) -> dict[str, Any]:
    """The ASGI scope of a request."""
    path, _, query = request.target.partition("?")
    peer = request.peer
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "https" if peer.tls else "http",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [
            (n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in request.headers.items()
        ],
        "client": (peer.address, peer.port),
        "server": None,
        "extensions": {},
    }
