"""Runs the whole server under Hypercorn (`--watchcache-host hypercorn`).

For those who want a well-known host in front. Its limits are in `asgi_bridge`; the serving host is `wire`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from ssl import VerifyMode
from typing import Any

import trio

from watchcache.http.api import Api


async def serve_with_hypercorn(
    api: Api,
    host: str,
    port: int,
    *,
    certificate: Path | str | None = None,
    key: Path | str | None = None,
    client_ca: Path | str | None = None,
    shutdown: Callable[[], Awaitable[None]] | None = None,
    task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown` returns or the task is cancelled; `started` when the port answers. Without a certificate it speaks clear text.

    Hypercorn does not hand the client's certificate up: with `client_ca` it is verified, but tokens say who asks.
    """
    from hypercorn.trio import serve  # noqa: PLC0415 - 0.4 s with Quart, which the wire host does not need

    from watchcache.http.app import create_app  # noqa: PLC0415

    config = configuration(host, port, certificate, key, client_ca)
    app: Any = create_app(api)
    await serve(app, config, shutdown_trigger=shutdown, mode="asgi", task_status=task_status)


def configuration(
    host: str, port: int, certificate: Path | str | None, key: Path | str | None, client_ca: Path | str | None
) -> Any:
    """Hypercorn's settings."""
    from hypercorn.config import Config  # noqa: PLC0415

    config = Config()
    config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.graceful_timeout = 10.0
    config.keep_alive_timeout = 90.0
    config.keep_alive_max_requests = (
        1 << 62
    )  # at its default of 1,000 an open HTTP/2 watch silently gets nothing more
    config.h2_max_concurrent_streams = 100
    if certificate is not None and key is not None:
        config.certfile, config.keyfile = str(certificate), str(key)
    if client_ca is not None:
        config.ca_certs, config.verify_mode = str(client_ca), VerifyMode.CERT_OPTIONAL
    return config
