"""The composition root: one server, from its journal to its listener, and the order in which it starts and ends.

Start: everything an operator can have got wrong comes first (port, certificates, directory), then the log recovers, the
cachers load, the standard objects are made, and only then the port answers. Until then connections wait in the
backlog. End (SIGTERM, or `shut_down`): /readyz fails for `--shutdown-delay-duration`, running requests finish, watches
end cleanly, connections close, the journal closes. A second signal leaves at once: what was acknowledged is durable.

Heavy modules are imported where they are used: a start has half a second, and Quart alone takes most of that.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from watchcache import __version__
from watchcache.api import status
from watchcache.api.catalog import Catalog, load_catalog
from watchcache.api.codec import stamp
from watchcache.auth import (
    AnonymousAuthenticator,
    Authenticator,
    CertificateAuthenticator,
    TokenFileAuthenticator,
    TokenFileError,
    Union,
)
from watchcache.cacher import Hub
from watchcache.credentials import Credentials
from watchcache.http.api import Api, Options
from watchcache.http.health import Check, always_well
from watchcache.http.wire import Limits, listen, serve
from watchcache.log import EventLog, JournalError, JournalFull, ValueTooLarge
from watchcache.log_metrics import log_families
from watchcache.registry import Registry
from watchcache.registry import Settings as RegistrySettings
from watchcache.settings import Settings, SettingsProblem
from watchcache.storage import Storage, open_storage

if TYPE_CHECKING:
    from watchcache.http.wire import Server as WireServer

logger = logging.getLogger("watchcache.server")
# How long running requests may take to finish at shutdown before they are cut.
DRAIN_SECONDS = 10.0
# What writes are answered when the journal cannot keep them; the reads go on.
JOURNAL_FAILURES = (
    (ValueTooLarge, lambda _: status.untyped("etcdserver: request is too large")),  # kube-apiserver's words
    (JournalFull, lambda problem: status.service_unavailable(str(problem), 1)),
    (JournalError, lambda problem: status.service_unavailable(str(problem), 5)),
)


class Server:
    """One server. `serve` runs it; the other methods are called from the task or thread that runs trio."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = settings.secure_port
        self.kubeconfig_path = Path(
            settings.write_kubeconfig or settings.cert_dir / "admin.kubeconfig"
        ).absolute()
        self._catalog: Catalog | None = None
        self._storage: Storage | None = None
        self._scope = trio.CancelScope()
        self._ending = trio.Event()
        self._credentials: Credentials | None = None
        self._notes: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where clients on this machine find it."""
        host = self.settings.bind_address
        if ipaddress.ip_address(host).is_unspecified:
            host = "127.0.0.1"
        return f"https://[{host}]:{self.port}" if ":" in host else f"https://{host}:{self.port}"

    @property
    def log(self) -> EventLog:
        """The log of a running server."""
        if self._storage is None:
            raise RuntimeError("the server has not started")
        return self._storage.log

    @property
    def revision(self) -> int:
        """The newest revision that clients can see."""
        return self.log.published

    # -- the life of a server

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start, serve until shut down or aborted, and end; `started` when the port answers.

        Raises `SettingsProblem` before anything runs when the settings make a start impossible.
        """
        listeners = self._listen()
        try:
            self._credentials = credentials = Credentials(self.settings, self.url, self.kubeconfig_path)
            catalog = load_catalog()
            self._storage = storage = open_storage(self.settings, catalog)
            await self._recover(storage.log)
            with self._scope:
                await self._run(storage, catalog, listeners, credentials, task_status)
        finally:
            for listener in listeners:
                listener.close()

    async def _run(
        self,
        storage: Storage,
        catalog: Catalog,
        listeners: list[socket.socket],
        credentials: Credentials,
        task_status: trio.TaskStatus[None],
    ) -> None:
        log = storage.log
        hub = Hub(
            log,
            stamp=stamp,
            read_revision=storage.read_revision,
            queue_limit=self.settings.max_watch_queue_bytes,
        )
        registry = Registry(log, hub, catalog, self._registry_settings(credentials))
        api = Api(
            registry,
            catalog,
            self._authenticator(),
            options=self._options(),
            checks=[*self._checks(log), *storage.checks],
            metrics_sources=[partial(log_families, log), *storage.metrics],
            failures=JOURNAL_FAILURES,
        )
        async with trio.open_nursery() as core:
            try:
                await core.start(log.run)
                await core.start(hub.run)
                await registry.prepare()
                await core.start(registry.run)
                await self._serve_requests(api, listeners, credentials, task_status)
            finally:
                with trio.CancelScope(shield=True):
                    await log.close()
                core.cancel_scope.cancel()

    async def _serve_requests(
        self,
        api: Api,
        listeners: list[socket.socket],
        credentials: Credentials,
        task_status: trio.TaskStatus[None],
    ) -> None:
        if self.settings.host == "hypercorn":
            await self._serve_with_hypercorn(api, listeners, credentials, task_status)
            return
        async with trio.open_nursery() as front:
            wire: WireServer = await front.start(
                _serve_wire, api, listeners, credentials.context, self._limits(api)
            )
            task_status.started()
            await self._ending.wait()
            await self._drain(api)
            wire.shut_down()
            api.end_watches()
            with trio.move_on_after(DRAIN_SECONDS):
                await api.wait_idle()
                await trio.sleep(0.1)  # the last answers are on their way out
            front.cancel_scope.cancel()

    async def _serve_with_hypercorn(
        self,
        api: Api,
        listeners: list[socket.socket],
        credentials: Credentials,
        task_status: trio.TaskStatus[None],
    ) -> None:
        from watchcache.http.hypercorn_host import serve_with_hypercorn

        async def wait_ending() -> None:
            await self._ending.wait()
            await self._drain(api)
            api.end_watches()

        for listener in listeners:
            listener.close()  # Hypercorn binds for itself, on the port that was found free
        task_status.started()
        await serve_with_hypercorn(
            api,
            self.settings.bind_address,
            self.port,
            certificate=credentials.pair.certificate,
            key=credentials.pair.key,
            client_ca=credentials.client_ca,
            shutdown=wait_ending,
        )

    async def _drain(self, api: Api) -> None:
        """Be unready for the delay that was asked for, then let running requests finish (W22)."""
        api.begin_shutdown()
        await trio.sleep(self.settings.shutdown_delay_duration)
        if self.settings.shutdown_send_retry_after:
            api.refuse()
        if self.settings.shutdown_watch_termination_grace_period:
            api.end_watches()
        with trio.move_on_after(DRAIN_SECONDS):
            await api.wait_idle()

    def shut_down(self) -> None:
        """End gracefully."""
        self._ending.set()

    def abort(self) -> None:
        """End now: connections are cut, the journal is closed."""
        self._scope.cancel()

    def reload(self) -> None:
        """Read the serving certificate again (SIGHUP)."""
        if self._credentials is not None:
            self._credentials.reload()

    # -- its parts, from the settings

    def _listen(self) -> list[socket.socket]:
        host, port = self.settings.bind_address, self.settings.secure_port
        try:
            listeners = listen(host, port, reuse_port=self.settings.permit_port_sharing)
        except OSError as problem:
            raise SettingsProblem(listen_problem(host, port, problem)) from None
        self.port = listeners[0].getsockname()[1]
        return listeners

    async def _recover(self, log: EventLog) -> None:
        try:
            recovered = await log.open()
        except JournalError as problem:
            raise SettingsProblem(str(problem)) from None
        except OSError as problem:
            name = problem.filename or self.settings.data_dir
            raise SettingsProblem(
                f"cannot use the data directory {name}: {problem.strerror}; name another with --watchcache-data-dir"
            ) from None
        self._notes = recovered.notes
        for note in recovered.notes:
            logger.warning("%s", note)

    def _authenticator(self) -> Authenticator:
        found: list[Authenticator] = [CertificateAuthenticator()]
        if self._credentials is not None and self._credentials.token_file is not None:
            found.append(TokenFileAuthenticator(self._credentials.token_file))
        if self.settings.token_auth_file:
            try:
                found.append(TokenFileAuthenticator(Path(self.settings.token_auth_file)))
            except TokenFileError as problem:
                raise SettingsProblem(f"--token-auth-file: {problem}") from None
            except OSError as problem:
                path = self.settings.token_auth_file
                raise SettingsProblem(f"--token-auth-file: cannot read {path}: {problem.strerror}") from None
        if self.settings.anonymous_auth:
            found.append(AnonymousAuthenticator())
        return Union(found)

    def _registry_settings(self, credentials: Credentials) -> RegistrySettings:
        settings = self.settings
        advertised = settings.advertise_address or settings.bind_address
        if ipaddress.ip_address(advertised).is_unspecified:
            advertised = "127.0.0.1"
        return RegistrySettings(
            event_ttl=settings.event_ttl,
            min_request_timeout=settings.min_request_timeout,
            service_cluster_ip_range=settings.service_cluster_ip_range,
            advertise_address=advertised,
            secure_port=self.port,
            client_ca=credentials.client_ca.read_text(),
            proxy_ca=credentials.proxy_ca.read_text(),
        )

    def _options(self) -> Options:
        settings = self.settings
        return Options(
            request_timeout=settings.request_timeout,
            max_requests_inflight=settings.max_requests_inflight,
            max_mutating_requests_inflight=settings.max_mutating_requests_inflight,
            max_list_bytes=settings.max_list_bytes,
            profiling=settings.profiling,
            server_address=self.url.removeprefix("https://"),
        )

    def _limits(self, api: Api) -> Limits:
        streams = self.settings.http2_max_streams_per_connection
        return Limits(too_large=api.too_large, streams=streams or Limits().streams)

    def _checks(self, log: EventLog) -> list[Check]:
        def log_writer() -> str | None:
            return f"the journal failed: {log.failure}" if log.failure else None

        return [Check("log", always_well), Check("log-writer", log_writer, ("readyz",))]

    def announcement(self) -> str:
        """What a person reads when the server is ready."""
        settings = self.settings
        stats = self.log.stats()
        kept = "" if self._storage is None else self._storage.kept
        return (
            f"watchcache {__version__} serving {self.url} ({settings.storage_backend}: {kept}; "
            f"{stats.keys} objects at revision {self.revision})\n  export KUBECONFIG={self.kubeconfig_path}"
        )


async def _serve_wire(
    api: Api,
    listeners: list[socket.socket],
    context: ssl.SSLContext,
    limits: Limits,
    *,
    task_status: trio.TaskStatus[WireServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    await serve(api.handle, listeners, tls=context, limits=limits, task_status=task_status)


def listen_problem(host: str, port: int, problem: OSError) -> str:
    """One line for an address that cannot be listened on."""
    if problem.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what listens there, or choose another with --secure-port (0 finds a free one)"
    if problem.errno == errno.EACCES:
        return f"port {port} needs privileges; choose one above 1023 with --secure-port"
    return f"cannot listen on {host}, port {port}: {problem.strerror or problem}"
