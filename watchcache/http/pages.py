"""The pages for people on the wire host: the Quart application behind its ASGI bridge.

A page is small, so it is collected whole and its task ends with the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from watchcache.http.messages import Reply, Request, Stream
from watchcache.http.wire.asgi import asgi_bridge

if TYPE_CHECKING:  # pages are asked by the Api that they show
    from watchcache.http.api import Api


class Pages:
    """Answers the paths for people; the application is made when the first of them comes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._app: Any = None

    async def __call__(self, request: Request) -> Reply:
        """The page a request asks for."""
        if self._app is None:
            # in a thread, because half a second of importing Quart would hold up every watch
            self._app = await trio.to_thread.run_sync(self._make)
        async with asgi_bridge(self._app) as bridge:
            answer = await bridge(request)
            if isinstance(answer, Stream):
                blocks = [block async for block in answer.blocks]
                answer = Reply(answer.status, answer.headers, b"".join(blocks))
        return answer

    def _make(self) -> Any:
        from watchcache.http.app import create_pages  # noqa: PLC0415

        return create_pages(self._api)
