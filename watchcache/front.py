"""What answers requests in a process: the wire host in front of an `Api`, and how the two end.

A server of one process has one; a server with workers has one in each of them.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import trio

from watchcache.account_keys import AccountKeys
from watchcache.api import status
from watchcache.auth import (
    AccountAuthenticator,
    AnonymousAuthenticator,
    Authenticator,
    CertificateAuthenticator,
    Find,
    Rejected,
    TokenFileAuthenticator,
    TokenFileError,
    TokenReviewer,
    Trust,
    Union,
    reviewed,
)
from watchcache.http.api import Api, Options
from watchcache.http.exposition import Family
from watchcache.http.health import Check, always_well
from watchcache.http.openid import OpenId
from watchcache.http.wire import Limits, Server, serve
from watchcache.log import JournalError, JournalFull, ReadableLog, ValueTooLarge
from watchcache.registry import Verdict
from watchcache.settings import Settings, SettingsProblem

# How long running requests may take to finish at shutdown before they are cut.
DRAIN_SECONDS = 10.0
# What writes are answered when the journal cannot keep them; the reads go on.
JOURNAL_FAILURES = (
    (ValueTooLarge, lambda _: status.untyped("etcdserver: request is too large")),  # kube-apiserver's words
    (JournalFull, lambda problem: status.service_unavailable(str(problem), 1)),
    (JournalError, lambda problem: status.service_unavailable(str(problem), 5)),
)


class Ending:
    """How a front is told to end: gracefully, or because there is nothing behind it any more."""

    def __init__(self) -> None:
        self.begun = trio.Event()
        self.lost = False

    def begin(self, *, lost: bool = False) -> None:
        """End; `lost`: at once, without the delays that were asked for."""
        self.lost = self.lost or lost
        self.begun.set()


async def serve_requests(
    api: Api,
    listeners: Sequence[socket.socket],
    context: ssl.SSLContext,
    settings: Settings,
    ending: Ending,
    others_drained: Callable[[], Awaitable[None]] | None = None,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until the ending is begun, and then end (W22); `started` when the port answers.

    `others_drained` is called when no request runs here any more, and returns when that is so in all processes of the server.
    """
    limits = Limits(
        too_large=api.too_large, streams=settings.http2_max_streams_per_connection or Limits().streams
    )
    async with trio.open_nursery() as nursery:
        wire: Server = await nursery.start(_serve, api, listeners, context, limits)
        api.metrics.add_source(partial(_wire_families, wire))
        for hub in api.registry.hubs:
            hub.fan_out.surround(wire.gathering.hold, wire.gathering.release)
        task_status.started()
        await ending.begun.wait()
        if not ending.lost:
            await drain(api, settings, others_drained)
        wire.shut_down()
        api.end_watches()
        with trio.move_on_after(1.0 if ending.lost else DRAIN_SECONDS):
            await api.wait_idle()
            await trio.sleep(0.1)  # the last answers are on their way out
        nursery.cancel_scope.cancel()


def _wire_families(wire: Server) -> Iterator[Family]:
    name, text = "apiserver_tls_handshake_errors_total", "TLS handshakes that came to nothing."
    yield Family("counter", name, text, samples=[((), wire.failed_handshakes)])


async def _serve(
    api: Api,
    listeners: Sequence[socket.socket],
    context: ssl.SSLContext,
    limits: Limits,
    *,
    task_status: trio.TaskStatus[Server],
) -> None:
    await serve(api.handle, listeners, tls=context, limits=limits, task_status=task_status)


async def drain(
    api: Api, settings: Settings, others_drained: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Be unready for the delay that was asked for, then let running requests finish (W22)."""
    api.begin_shutdown()
    await trio.sleep(settings.shutdown_delay_duration)
    if settings.shutdown_send_retry_after:
        api.refuse()
    if settings.shutdown_watch_termination_grace_period:
        api.end_watches()
    with trio.move_on_after(DRAIN_SECONDS):
        await api.wait_idle()
        if others_drained is not None:
            await others_drained()


class Authenticators(NamedTuple):
    """Who may come in, and who knows the tokens that others were shown."""

    of_requests: Authenticator
    of_tokens: Sequence[TokenReviewer]
    audiences: Sequence[str]

    def review(self, token: str, audiences: Sequence[str]) -> Verdict:
        """Who is behind a token that is for one of the audiences; for the API when there are none."""
        try:
            user, meant = reviewed(self.of_tokens, token, audiences or self.audiences)
        except Rejected as error:
            return Verdict(None, error=str(error))
        return Verdict(user, meant)


def authenticators(settings: Settings, token_file: Path | None, trust: Trust, find: Find) -> Authenticators:
    """Who may come in; `token_file` is one of the server's own, `find` gives the objects that tokens are bound to. Raises SettingsProblem."""
    accounts = AccountAuthenticator(trust, find, time.time)
    files = _token_files(settings, token_file, trust.audiences)
    found: list[Authenticator] = [CertificateAuthenticator(), *files, accounts]
    if settings.anonymous_auth:
        found.append(AnonymousAuthenticator())
    return Authenticators(Union(found), [*files, accounts], trust.audiences)


def _token_files(
    settings: Settings, token_file: Path | None, audiences: Sequence[str]
) -> list[TokenFileAuthenticator]:
    found = [] if token_file is None else [TokenFileAuthenticator(token_file, audiences=audiences)]
    if settings.token_auth_file:
        try:
            found.append(TokenFileAuthenticator(Path(settings.token_auth_file), audiences=audiences))
        except TokenFileError as problem:
            raise SettingsProblem(f"--token-auth-file: {problem}") from None
        except OSError as problem:
            path = settings.token_auth_file
            raise SettingsProblem(f"--token-auth-file: cannot read {path}: {problem.strerror}") from None
    return found


def openid(keys: AccountKeys, settings: Settings) -> OpenId:
    """What discovery says of the tokens of service accounts."""
    return OpenId(keys.issuer, [each.jwk() for each in keys.verifiers], settings.service_account_jwks_uri)


def api_options(settings: Settings, url: str) -> Options:
    """What an operator chose about requests."""
    return Options(
        request_timeout=settings.request_timeout,
        max_requests_inflight=settings.max_requests_inflight,
        max_mutating_requests_inflight=settings.max_mutating_requests_inflight,
        max_list_bytes=settings.max_list_bytes,
        profiling=settings.profiling,
        goaway_chance=settings.goaway_chance,
        server_address=url.removeprefix("https://"),
    )


def checks(log: ReadableLog) -> list[Check]:
    """What health endpoints ask of the log."""

    def log_writer() -> str | None:
        return f"the journal failed: {log.failure}" if log.failure else None

    return [Check("log", always_well), Check("log-writer", log_writer, ("readyz",))]
