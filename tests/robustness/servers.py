"""`watchcache serve` as a process: started, killed, frozen, started again."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import trio

from tests.etcds import free_port

from .child import Child
from .exchange import Caller, Lost

TOKEN = "robustness"  # of a server on loopback that lives for two minutes
START_SECONDS = 30.0
COMPACTION = "10s"
TAKES_OVER = "starting again on what is there now"  # in the line between its old and its new life when etcd was restored
EVENTS_LIVE = "10s"


class ServerProcess(Child):
    """One server; the port stays over restarts."""

    start_seconds = START_SECONDS  # in which it is ready

    def __init__(self, number: int, directory: Path, etcd: list[str], workers: int = 0) -> None:
        super().__init__()
        self.number = number
        self.name = f"server{number}"
        self.log = directory / f"{self.name}.log"
        self.port = free_port()
        self.ready = False
        self.ended = ""  # how it ended by itself, after it had been ready
        self.restored = False  # etcd is one from a backup, and it does not run on that yet
        self.started = 0.0  # when it was started last, or started itself again
        self.directory = directory
        self.etcd = etcd
        self.workers = workers
        self.pki = directory / "pki"
        self.tokens = directory / "tokens.csv"
        self._caller: Caller | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self.port}"

    def context(self) -> ssl.SSLContext:
        """How a client trusts it: all servers share one CA."""
        return ssl.create_default_context(cafile=str(self.pki / "ca.crt"))

    def start(self) -> None:
        """Start the process, and wait for nothing."""
        if not self.tokens.exists():
            self.tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.ready = False
        self.started = trio.current_time()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )

    def command(self) -> list[str]:
        """What the process is started with."""
        return [
            sys.executable,
            "-m",
            "watchcache",
            "serve",
            f"--secure-port={self.port}",
            f"--cert-dir={self.pki}",
            f"--write-kubeconfig={self.directory / f'{self.name}.kubeconfig'}",
            f"--token-auth-file={self.tokens}",
            f"--watchcache-data-dir={self.directory / f'{self.name}.data'}",
            "--storage-backend=etcd3",
            f"--etcd-servers={','.join(self.etcd)}",
            f"--etcd-compaction-interval={COMPACTION}",
            f"--event-ttl={EVENTS_LIVE}",
            f"--watchcache-workers={self.workers}",
        ]

    async def wait_ready(self, seconds: float = 0.0) -> None:
        """Wait until it says that it is, or somebody ends it meanwhile. One that gives its start up, because etcd has no leader, is started again.

        seconds: at least as many as its start may take. Raises TooSlowError.
        """
        with trio.fail_after(max(seconds, self.start_seconds)):
            while self.process is not None:
                if self.process.poll() is not None and not self.ready:
                    self.start()
                if await self.asks_ready():
                    self.ready = True
                    return
                await trio.sleep(0.1)

    async def asks_ready(self) -> bool:
        """Whether /readyz says yes."""
        try:
            if self._caller is None:
                self._caller = Caller(self.url, {"Authorization": f"Bearer {TOKEN}"}, self.context())
            status, _ = await self._caller.call("GET", "/readyz", seconds=3)
        except (Lost, OSError):
            return False
        return status == 200

    def look(self) -> None:
        """Note when it has taken a restored etcd over, and when it ended by itself; then start it again."""
        if self.restored:
            self._note_takeover()
        if self.process is not None and self.ready and (status := self.process.poll()) is not None:
            self.ended = f"{self.name} ended by itself with status {status}: {self.tail()}"
            self.start()

    def _note_takeover(self) -> None:
        for line in self.tail(50).splitlines():
            if TAKES_OVER in line:
                # Its log has the time: when it is read, the new life may have answered somebody.
                seconds = time.mktime(
                    time.strptime(f"{time.localtime().tm_year}{line[1:14]}", "%Y%m%d %H:%M:%S")
                )
                self.started = trio.current_time() - (time.time() - seconds - float(line[14:21]))
                self.restored = False

    async def end(self, number: signal.Signals = signal.SIGKILL, seconds: float = 10.0) -> None:
        """End it by a signal, or by a harder one when that takes too long."""
        process, self.process, self.ready = self.process, None, False
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        with trio.move_on_after(seconds):
            while process.poll() is None:  # noqa: ASYNC110 - a harness may poll
                await trio.sleep(0.02)
        process.kill()
        process.wait()

    def close(self) -> None:
        """End it at once, with the connection to it."""
        if self._caller is not None:
            self._caller.close()
        self.kill()

    def tail(self, lines: int = 5) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
