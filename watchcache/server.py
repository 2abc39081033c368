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
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from watchcache import __version__
from watchcache.account_keys import AccountKeys
from watchcache.admission_metrics import admission_families, policy_families, webhook_families
from watchcache.api.catalog import Catalog, load_catalog
from watchcache.api.codec import stamp
from watchcache.auth import Access, Authenticator, access_of
from watchcache.cacher import Bounds, Hub
from watchcache.credentials import Credentials
from watchcache.front import (
    JOURNAL_FAILURES,
    Ending,
    api_options,
    authenticators,
    checks,
    drain,
    openid,
    serve_requests,
)
from watchcache.http.api import Api
from watchcache.http.wire import listen, reserve
from watchcache.log import EventLog, JournalError
from watchcache.log_metrics import log_families
from watchcache.registry import Elsewhere, Issuer, Registry
from watchcache.registry import Settings as RegistrySettings
from watchcache.settings import Settings, SettingsProblem
from watchcache.storage import Storage, open_storage

if TYPE_CHECKING:
    from watchcache.workers import Supervisor

logger = logging.getLogger("watchcache.server")

# Seconds in which workers without the process that writes have left: they take one, a busy machine somewhat more.
WORKERS_LEAVE = 3.0


class Server:
    """One server. `serve` runs it; the other methods are called from the task or thread that runs trio."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = settings.secure_port
        self.kubeconfig_path = Path(
            settings.write_kubeconfig or settings.cert_dir / "admin.kubeconfig"
        ).absolute()
        self._storage: Storage | None = None
        self._scope = trio.CancelScope()
        self._ending = Ending()
        self._workers: Supervisor | None = None
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
        listeners = await self._listen()
        try:
            self._credentials = credentials = Credentials(self.settings, self.url, self.kubeconfig_path)
            catalog = load_catalog()
            self._storage = storage = open_storage(self.settings, catalog)
            with self._scope:
                await self._recover(storage)
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
        hub = self._hub(log, storage.read_revision)
        elsewhere = [
            Elsewhere(each.prefixes, self._hub(each.log, each.read_revision), each.log)
            for each in storage.overrides
        ]
        bounds = Bounds(self.settings.window_bytes)
        chosen = self._registry_settings(credentials)
        access = access_of(self.settings.authorization_mode)
        keys, settings = credentials.account_keys, self.settings

        def find(prefix: str, key: str) -> bytes | None:
            return registry.find(prefix, key)

        who = authenticators(settings, credentials.token_file, keys.trust, find)
        registry = Registry(
            log,
            hub,
            catalog,
            chosen,
            access=access,
            bounds=bounds,
            shared=storage.shared,
            elsewhere=elsewhere,
            authenticate=who.review,
            issuer=issuer(keys, settings),
        )
        front = self._front(registry, access, storage, listeners, credentials, who.of_requests)
        async with trio.open_nursery() as core:
            try:
                for each in storage.logs:
                    await core.start(each.run)
                for one in registry.hubs:
                    await core.start(one.run)
                await registry.prepare()
                await core.start(registry.run)
                await front(task_status)
            finally:
                with trio.CancelScope(shield=True):
                    for each in storage.logs:
                        await each.close()
                core.cancel_scope.cancel()

    def _hub(self, log: EventLog, read_revision: Callable[[], Awaitable[int]] | None) -> Hub:
        settings = self.settings
        return Hub(
            log,
            stamp=stamp,
            read_revision=read_revision,
            queue_limit=settings.max_watch_queue_bytes,
            page_lifetime=settings.etcd_compaction_interval,
        )

    def _front(
        self,
        registry: Registry,
        access: Access,
        storage: Storage,
        listeners: list[socket.socket],
        credentials: Credentials,
        who: Authenticator,
    ) -> Callable[[trio.TaskStatus[None]], Awaitable[None]]:
        """What answers requests until the end; called when the registry runs."""
        if self.settings.workers:
            return partial(self._serve_with_workers, registry, storage, credentials)
        api = Api(
            registry,
            registry.catalog,
            who,
            authorizer=access.authorizer,
            options=api_options(self.settings, self.url),
            checks=[*checks(self.log), *storage.checks],
            metrics_sources=[
                partial(log_families, *storage.logs),
                partial(admission_families, registry.chain),
                partial(webhook_families, registry.webhooks),
                partial(policy_families, registry.policies),
                *storage.metrics,
            ],
            failures=JOURNAL_FAILURES,
            openid=openid(credentials.account_keys, self.settings),
        )
        if self.settings.host == "hypercorn":
            return partial(self._serve_with_hypercorn, api, listeners, credentials)
        context, settings, ending = credentials.context, self.settings, self._ending
        return lambda status: serve_requests(api, listeners, context, settings, ending, task_status=status)

    async def _serve_with_workers(
        self,
        registry: Registry,
        storage: Storage,
        credentials: Credentials,
        task_status: trio.TaskStatus[None],
    ) -> None:
        from watchcache.workers import Supervisor

        self._workers = Supervisor(registry, storage, self.settings, credentials, self.url, self.port)
        await self._workers.serve(self._ending, task_status=task_status)

    async def _serve_with_hypercorn(
        self,
        api: Api,
        listeners: list[socket.socket],
        credentials: Credentials,
        task_status: trio.TaskStatus[None],
    ) -> None:
        from watchcache.http.hypercorn_host import serve_with_hypercorn

        async def wait_ending() -> None:
            await self._ending.begun.wait()
            await drain(api, self.settings)
            api.end_watches()

        for listener in listeners:
            listener.close()  # Hypercorn binds for itself, on the port that was found free
        await serve_with_hypercorn(
            api,
            self.settings.bind_address,
            self.port,
            certificate=credentials.pair.certificate,
            key=credentials.pair.key,
            client_ca=credentials.client_ca,
            shutdown=wait_ending,
            task_status=task_status,
        )

    def shut_down(self) -> None:
        """End gracefully."""
        self._ending.begin()

    def abort(self) -> None:
        """End now: connections are cut, the journal is closed."""
        self._scope.cancel()

    def reload(self) -> None:
        """Read the serving certificate again (SIGHUP)."""
        if self._credentials is not None:
            self._credentials.reload()
        if self._workers is not None:
            self._workers.reload()

    # -- its parts, from the settings

    async def _listen(self) -> list[socket.socket]:
        host, port = self.settings.bind_address, self.settings.secure_port
        if self.settings.workers and self.settings.host == "hypercorn":
            raise SettingsProblem("--watchcache-workers needs --watchcache-host=wire")
        try:
            if self.settings.workers:
                listeners = await self._reserve(host, port)
            else:
                listeners = listen(host, port, reuse_port=self.settings.permit_port_sharing)
        except OSError as problem:
            raise SettingsProblem(listen_problem(host, port, problem)) from None
        self.port = listeners[0].getsockname()[1]
        return listeners

    async def _reserve(self, host: str, port: int) -> list[socket.socket]:
        """Keep the address for the workers; those of a server that was killed have it until they have ended their watches."""
        deadline = trio.current_time() + WORKERS_LEAVE
        while True:
            try:
                return reserve(host, port, shared=self.settings.permit_port_sharing)
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE or trio.current_time() > deadline:
                    raise
            await trio.sleep(0.1)

    async def _recover(self, storage: Storage) -> None:
        opened: list[EventLog] = []
        try:
            for log in storage.logs:
                self._notes += await self._open(log)
                opened.append(log)
        except BaseException:
            with trio.CancelScope(shield=True):
                for log in opened:
                    await log.close()
            raise
        for note in self._notes:
            logger.warning("%s", note)

    async def _open(self, log: EventLog) -> tuple[str, ...]:
        try:
            recovered = await log.open()
        except JournalError as problem:
            raise SettingsProblem(str(problem)) from None
        except OSError as problem:
            name = problem.filename or self.settings.data_dir
            raise SettingsProblem(
                f"cannot use the data directory {name}: {problem.strerror}; name another with --watchcache-data-dir"
            ) from None
        return recovered.notes

    def _registry_settings(self, credentials: Credentials) -> RegistrySettings:
        settings = self.settings
        advertised = settings.advertise_address or settings.bind_address
        if ipaddress.ip_address(advertised).is_unspecified:
            advertised = "127.0.0.1"
        return RegistrySettings(
            event_ttl=settings.event_ttl,
            min_request_timeout=settings.min_request_timeout,
            service_cluster_ip_range=settings.service_cluster_ip_range,
            service_node_port_range=settings.service_node_port_range,
            not_ready_toleration=settings.not_ready_toleration,
            unreachable_toleration=settings.unreachable_toleration,
            advertise_address=advertised,
            secure_port=self.port,
            client_ca=credentials.client_ca.read_text(),
            proxy_ca=credentials.proxy_ca.read_text(),
            service_account_plugin="ServiceAccount" in settings.enable_admission_plugins
            or bool(settings.service_account_signing_key_file),
            node_restriction="NodeRestriction" in settings.enable_admission_plugins,
            disabled_plugins=frozenset(settings.disable_admission_plugins),
        )

    def announcement(self) -> str:
        """What a person reads when the server is ready."""
        settings = self.settings
        stats = self.log.stats()
        kept = "" if self._storage is None else self._storage.kept
        if settings.workers:
            kept += f"; {settings.workers} workers"
        return (
            f"watchcache {__version__} serving {self.url} ({settings.storage_backend}: {kept}; "
            f"{stats.keys} objects at revision {self.revision})\n  export KUBECONFIG={self.kubeconfig_path}"
        )


def issuer(keys: AccountKeys, settings: Settings) -> Issuer:
    """Who signs tokens for service accounts, and what an operator chose about them."""
    return Issuer(
        keys.signer.sign,
        keys.issuer,
        keys.trust.audiences,
        int(settings.service_account_max_token_expiration),
        settings.service_account_extend_token_expiration,
    )


def listen_problem(host: str, port: int, problem: OSError) -> str:
    """One line for an address that cannot be listened on."""
    if problem.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what listens there, or choose another with --secure-port (0 finds a free one)"
    if problem.errno == errno.EACCES:
        return f"port {port} needs privileges; choose one above 1023 with --secure-port"
    return f"cannot listen on {host}, port {port}: {problem.strerror or problem}"
