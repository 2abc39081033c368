"""The pages for people, and the whole server as an ASGI application.

`/ui/` shows what is served, how many objects there are, how the server is, and where to look further. `create_app(api)` is everything, pages
included, behind the same handler as on the wire host; any ASGI server that runs trio can host it. Quart takes 0.4 s to import:
only a server that somebody looks at, or that runs under Hypercorn, pays for it.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import trio
from quart import Response
from quart_trio import QuartTrio

from watchcache.api.catalog import Resource
from watchcache.http.api import Api
from watchcache.http.asgi_bridge import serve_http
from watchcache.http.health import ENDPOINTS
from watchcache.http.version import version_document

LINKS = ("/version", "/readyz?verbose", "/metrics", "/api", "/apis", "/openapi/v2", "/openapi/v3")
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}code{background:#f3f3f3;padding:0 .2rem}.bad{color:#b00020}"
)


class Application(QuartTrio):
    """The whole server as a Quart application: one catch-all, the API's handler."""

    api: Api

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One ASGI connection.

        Requests do not pass Werkzeug's routing, which would clean up paths that kube-apiserver tells apart; what is left to
        Quart is the application's life cycle.
        """
        if scope["type"] == "http":
            await serve_http(self.api.handle, self.api.too_large, scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def create_app(api: Api) -> Application:
    """The whole server, for ASGI hosts that run trio."""
    app = Application(__name__)
    app.api = api
    return app


def create_pages(api: Api) -> QuartTrio:
    """The pages alone. They know nothing of users: the handler's filters stand before them."""
    app = QuartTrio(__name__)

    @app.route("/ui", strict_slashes=False)
    @app.route("/ui/", strict_slashes=False)
    async def overview() -> Response:
        await trio.lowlevel.checkpoint()
        return Response(overview_page(api), content_type="text/html; charset=utf-8")

    return app


def overview_page(api: Api) -> str:
    """The page as HTML."""
    version = html.escape(version_document()["gitVersion"])
    links = " · ".join(f'<a href="{link}">{link.partition("?")[0]}</a>' for link in LINKS)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Watchcache</title>'
        f"<style>{STYLE}</style><h1>Watchcache</h1><p>Kubernetes API {version}</p>{_state(api)}<p>{links}</p>"
        "<table><thead><tr><th>Resource</th><th>Kind</th><th>API version</th><th>Scope</th><th>Objects</th></tr></thead>"
        f"<tbody>{''.join(_rows(api))}</tbody></table></html>"
    )


def _state(api: Api) -> str:
    failing = sorted(
        {check.name for e in ENDPOINTS for check in api.health.checks(e) if not api.health.is_well(check)}
    )
    health = (
        f'<span class="bad">failing: {html.escape(", ".join(failing))}</span>'
        if failing
        else "all checks pass"
    )
    running = api.lifecycle.running
    return f"<p>{api.lifecycle.phase.value}; {health}; {api.lifecycle.watches} watches, {running} requests running</p>"


def _rows(api: Api) -> Iterator[str]:
    resources = sorted(
        api.catalog.resources(), key=lambda resource: (resource.group, resource.version, resource.plural)
    )
    counts = api.counts()
    for resource in resources:
        if "list" in resource.verbs:
            shown = f"{counts[resource.storage_prefix]:,}" if resource.storage_prefix in counts else ""
            yield (
                f'<tr><td><a href="{collection_path(resource)}">{html.escape(resource.plural)}</a></td>'
                f"<td>{html.escape(resource.kind)}</td><td>{html.escape(resource.api_version)}</td>"
                f'<td>{"namespaced" if resource.namespaced else "cluster"}</td><td class="n">{shown}</td></tr>'
            )


def collection_path(resource: Resource) -> str:
    """The path of all objects of a resource."""
    root = f"/apis/{resource.group}" if resource.group else "/api"
    return f"{root}/{resource.version}/{resource.plural}"
