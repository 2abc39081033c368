"""etcd processes for tests: one member each, in a scratch directory, on free ports, without fsync.

The binary is the one that the environment's ETCD names, or `etcd` on the PATH, or in `.tools/bin`; without one the tests that need it are skipped.
Tests that ask for it run on the older version, too (`etcd-3.5` in `.tools/bin`), which `python3 dev.py tools` builds beside the newer.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent.parent / ".tools" / "bin"
PATIENCE = 15.0
_given: set[int] = set()
BELOW_CONNECTIONS = range(20_000, 32_000)  # of Linux, which begins at 32,768 unless told otherwise


def binary() -> str | None:
    """The etcd to use, if there is one."""
    return os.environ.get("ETCD") or shutil.which("etcd") or shutil.which("etcd", path=str(TOOLS))


def older_binary() -> str | None:
    """An etcd 3.5, if there is one."""
    return shutil.which("etcd-3.5", path=str(TOOLS))


needs_etcd = pytest.mark.skipif(binary() is None, reason="no etcd: put one on the PATH, or name it in ETCD")

needs_older_etcd = pytest.mark.skipif(
    older_binary() is None, reason="no etcd 3.5: `python3 dev.py tools` builds one"
)
BOTH = [
    pytest.param(binary, id="etcd", marks=needs_etcd),
    pytest.param(older_binary, id="etcd-3.5", marks=needs_older_etcd),
]  # to parametrise by: functions that give the binary


def free_port() -> int:
    """A port that nobody listens on at the moment, and that no connection is given before it is used: the kernel takes those from higher ones.

    It is given once, and to one of the processes that run the tests side by side.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = secrets.choice(BELOW_CONNECTIONS[own::processes])
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def secured(scratch: Path, certificate: Path, key: Path, ca: Path) -> Etcd:
    """An etcd over TLS that asks its clients for certificates of a CA."""
    return Etcd(
        scratch,
        f"--cert-file={certificate}",
        f"--key-file={key}",
        f"--trusted-ca-file={ca}",
        "--client-cert-auth",
        scheme="https",
    )


class Etcd:
    """One etcd; `start`, `kill`, `freeze` and `thaw` as often as wanted, `stop` at the end."""

    def __init__(
        self, scratch: Path, *arguments: str, scheme: str = "http", program: str | None = None
    ) -> None:
        self.program = program or binary() or "etcd"
        self.directory = scratch
        self.arguments = arguments
        self.scheme = scheme
        self._fresh = True
        self.port, self._peer, self._metrics = free_port(), free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> Etcd:
        """Start it, with what it had when it ran before."""
        self.directory.mkdir(parents=True, exist_ok=True)
        peer = f"http://127.0.0.1:{self._peer}"
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.program,
                    "--name=one",
                    f"--data-dir={self.directory / 'data'}",
                    f"--listen-client-urls={self.url}",
                    f"--advertise-client-urls={self.url}",
                    f"--listen-peer-urls={peer}",
                    f"--initial-advertise-peer-urls={peer}",
                    f"--initial-cluster=one={peer}",
                    f"--listen-metrics-urls=http://127.0.0.1:{self._metrics}",
                    "--unsafe-no-fsync",
                    *self.arguments,
                ],
                stdout=log,
                stderr=log,
            )
        if wait:
            self._wait()
        self._fresh = False
        return self

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.process is not None and self.process.poll() is not None:
                # Somebody took one of the ports meanwhile; an etcd that has data keeps its own.
                assert self._fresh, (self.directory / "log").read_text()[-2000:]
                shutil.rmtree(self.directory / "data", ignore_errors=True)
                self.port, self._peer, self._metrics = free_port(), free_port(), free_port()
                self.start(wait=False)
                self._fresh = True
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self._metrics}/health", timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise AssertionError((self.directory / "log").read_text()[-2000:]) from None
                time.sleep(0.02)
            else:
                return

    def freeze(self) -> None:
        """Stop it in its tracks, with its connections open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        # The signal is on its way when the call returns: until each thread has stopped, an answer may still come.
        deadline = time.monotonic() + PATIENCE
        while not _stopped(self.process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def back_up(self, backup: Path) -> Path:
        """Copy its data; it is restarted for that."""
        self.kill()
        shutil.copytree(self.directory / "data", backup)
        self.start()
        return backup

    def restore(self, backup: Path) -> None:
        """Put an earlier state in the place of its data."""
        self.kill()
        shutil.rmtree(self.directory / "data")
        shutil.copytree(backup, self.directory / "data")
        self.start()

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it for good: its data goes, too, of which 128 MiB are logs that etcd lays out in advance."""
        self.kill()
        shutil.rmtree(self.directory / "data", ignore_errors=True)


def _stopped(pid: int) -> bool:
    """Whether all threads of a process are stopped."""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state == "T" for state in states)
