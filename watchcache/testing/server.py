"""A server in a thread of this process, for tests in any style: with trio, with asyncio or without either."""

from __future__ import annotations

import queue
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import trio

from watchcache.server import Server
from watchcache.settings import Settings

START_TIMEOUT = 30.0  # seconds; a start takes about 0.1


class TestServer:
    """A Kubernetes API server in memory; a context manager, and usable from any thread.

    `url` is `https://127.0.0.1:<port>`, `kubeconfig` the path of an administrator's kubeconfig, `token` a bearer token of
    the same user, `ca_file` the CA to verify the server with. All four stay the same over `reset()`.
    """

    __test__ = False  # pytest must not take it for a test class

    def __init__(self, directory: Path, **settings: object) -> None:
        self.token = secrets.token_urlsafe(16)
        tokens = directory / "tokens.csv"
        tokens.write_text(f'{self.token},admin,admin,"system:masters"\n')
        self._settings = Settings(
            storage_backend="memory",
            secure_port=0,
            cert_dir=directory / "pki",
            data_dir=directory / "data",
            token_auth_file=str(tokens),
        )
        for name, value in settings.items():
            setattr(self._settings, name, value)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._trio: trio.lowlevel.TrioToken | None = None

    @property
    def server(self) -> Server:
        """The running server's own object; touch it from its own thread only."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        return self._server

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.server.url

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.server.kubeconfig_path

    @property
    def ca_file(self) -> Path:
        """The CA's certificate, PEM."""
        return self._settings.cert_dir / "ca.crt"

    def start(self) -> None:
        """Start it and wait until it listens."""
        ready: queue.Queue[Server | BaseException] = queue.Queue()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="watchcache", daemon=True)
        self._thread.start()
        outcome = ready.get(timeout=START_TIMEOUT)
        if isinstance(outcome, BaseException):
            raise outcome
        self._server = outcome
        self._settings.secure_port = outcome.port

    def stop(self) -> None:
        """End it, with all connections; what was stored is gone."""
        if self._thread is None or self._trio is None:
            return
        with suppress(trio.RunFinishedError):  # it was shut down from inside
            trio.from_thread.run_sync(self.server.abort, trio_token=self._trio)
        self._thread.join(START_TIMEOUT)
        self._thread = self._server = self._trio = None

    def reset(self) -> None:
        """Replace the contents by those of a fresh cluster, on the same port; open connections and watches end.

        Revisions go on from where they were: a client that resumes an old watch is told 410 and never shown another
        object under a revision that it knows.
        """
        first = self.server.revision + 1
        self.stop()
        self._settings.first_revision = first
        self.start()

    def _main(self, ready: queue.Queue[Server | BaseException]) -> None:
        async def run() -> None:
            self._trio = trio.lowlevel.current_trio_token()
            server = Server(self._settings)
            async with trio.open_nursery() as nursery:
                await nursery.start(server.serve)
                ready.put(server)

        try:
            trio.run(run)
        except BaseException as problem:  # handed to the starting thread, which raises it
            ready.put(problem)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
