"""The real kubectl against a real server process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
KUBECTL = shutil.which("kubectl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives kubectl; skip it, visibly, where there is none."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kubectl)
            if KUBECTL is None:
                item.add_marker(
                    pytest.mark.skip(
                        reason="no kubectl on the PATH; `python3 dev.py tools` builds one with Go"
                    )
                )


class ServerProcess:
    """`watchcache serve` in a process of its own, with its data in `directory`; it can be killed and started again."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self.directory = directory
        self.kubeconfig = directory / "admin.kubeconfig"
        self._flags = flags
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None
        self.announcement = ""

    def start(self) -> None:
        """Start it and wait for its announcement."""
        command = [
            sys.executable, "-m", "watchcache", "serve", "--secure-port", self._port, "--cert-dir", str(self.directory / "pki"),
            "--watchcache-data-dir", str(self.directory / "data"), "--write-kubeconfig", str(self.kubeconfig), *self._flags,
        ]  # fmt: skip
        errors = (self.directory / "stderr").open("ab")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)
        errors.close()
        assert self._process.stdout is not None
        self.announcement = self._process.stdout.readline()
        assert "serving https://" in self.announcement, (self.directory / "stderr").read_text()
        url = self.announcement.split("serving ")[1].split()[0]
        self._port = url.rsplit(":", 1)[1]

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; the exit status."""
        assert self._process is not None
        status = self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return status

    @property
    def running(self) -> bool:
        """Whether the process was started and not yet ended here."""
        return self._process is not None


class Running:
    """A kubectl whose output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self, timeout: float = 30) -> str:
        """The next line without its end; fails the test when none comes in time."""
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout, self._process.kill)
        alarm.start()
        try:
            return self._process.stdout.readline().rstrip("\n")
        finally:
            alarm.cancel()

    def lines(self) -> Iterator[str]:
        """All lines, until it ends."""
        assert self._process.stdout is not None
        return iter(self._process.stdout)

    def end(self, timeout: float = 30) -> int:
        """Wait for it to end by itself; its exit status."""
        assert self._process.stdout is not None
        status = self._process.wait(timeout)
        self._process.stdout.close()
        return status


class Kubectl:
    """kubectl with a kubeconfig and a cache directory of its own."""

    def __init__(self, kubeconfig: Path, cache: Path) -> None:
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(cache),
            "HOME": str(cache),
        }

    def run(
        self, *arguments: str, stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is."""
        assert KUBECTL is not None
        return subprocess.run(
            [KUBECTL, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=timeout,
            check=False,
        )

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """Run it; its output. Fails the test when kubectl fails."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The document that `-o json` prints."""
        return json.loads(self(*arguments, "-o", "json"))

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """Run it beside the test; ended, if it still runs, when the block ends."""
        assert KUBECTL is not None
        process = subprocess.Popen(
            [KUBECTL, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.terminate()
            running.end()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server process on a file journal."""
    process = ServerProcess(tmp_path)
    process.start()
    yield process
    if process.running:
        process.kill()


@pytest.fixture
def kubectl(server: ServerProcess, tmp_path: Path) -> Kubectl:
    """Kubectl for that server."""
    return Kubectl(server.kubeconfig, tmp_path / "cache")


@pytest.fixture(scope="module")
def shared_kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Kubectl for one server that a module's tests share, each in a namespace of its own."""
    directory = tmp_path_factory.mktemp("server")
    process = ServerProcess(directory, "--storage-backend=memory")
    process.start()
    yield Kubectl(process.kubeconfig, directory / "cache")
    process.kill()
