"""A server of ours in a process of its own, to be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import trio

from watchcache.bench.problems import BenchProblem

START_SECONDS = 60.0


class OwnServer:
    """`watchcache serve` with its data in a directory of the run; the port stays over restarts."""

    def __init__(self, directory: Path, flags: tuple[str, ...]) -> None:
        self._directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.log = directory / "server.log"
        self.data = directory / "data"
        self._port = free_port()
        self._flags = flags
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def arguments(self) -> list[str]:
        """The command line."""
        return [
            sys.executable, "-m", "watchcache", "serve", f"--secure-port={self._port}", f"--cert-dir={self._directory / 'pki'}",
            f"--watchcache-data-dir={self.data}", f"--write-kubeconfig={self.kubeconfig}", *self._flags,
        ]  # fmt: skip

    async def start(self) -> int:
        """Start it and wait until it listens; the process's id. Raises `BenchProblem`."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220, S603  # our own program; a fork is short
                self.arguments, stdout=log, stderr=log, start_new_session=True
            )
        with trio.move_on_after(START_SECONDS):
            while self.process.poll() is None:
                if await listens(self._port) and self.kubeconfig.exists():
                    return self.process.pid
                await trio.sleep(0.02)
        raise BenchProblem(f"the server did not start: {tail(self.log)}")

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does: the process and its children."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it gently, then not."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)  # it leads a session of its own
            self.process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def listens(port: int) -> bool:
    """Whether a connection to loopback is accepted."""
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True


def tail(log: Path) -> str:
    """The last line of a log."""
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
