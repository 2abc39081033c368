"""A simulated cluster: our server with the real controllers and scheduler, and kwok in the place of the kubelets."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl.conftest import ROOT, Kubectl, ServerProcess

EXAMPLE = ROOT / "examples" / "simulated-cluster"
PROGRAMS = ("kubectl", "kube-controller-manager", "kube-scheduler", "kwok")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, visibly, where one of the programs is missing."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if MISSING:
                item.add_marker(pytest.mark.skip(reason=f"not on the PATH: {', '.join(MISSING)}"))


class Cluster:
    """A server and what makes a cluster of it, with all logs in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = ServerProcess(directory, "-v=3")
        self.kubectl = Kubectl(self.server.kubeconfig, directory / "cache")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all of it; the nodes come with the example's manifests."""
        self.server.start()
        kubeconfig = f"--kubeconfig={self.server.kubeconfig}"
        volumes = f"--flex-volume-plugin-dir={self.directory / 'flexvolume'}"
        self._run("kube-controller-manager", kubeconfig, "--secure-port=0", volumes)
        self._run("kube-scheduler", kubeconfig, "--secure-port=0")
        self._run("kwok", kubeconfig, "--manage-all-nodes", f"--config={EXAMPLE / 'kwok.yaml'}")

    def _run(self, program: str, *flags: str) -> None:
        path = shutil.which(program)
        assert path is not None
        with (self.directory / f"{program}.log").open("wb") as log:
            self._running.append(subprocess.Popen([path, *flags], stdout=log, stderr=log, cwd=self.directory))

    def stop(self) -> None:
        """End all of it; nothing is kept."""
        for process in self._running:
            process.kill()
            process.wait(20)
        if self.server.running:
            self.server.kill()

    def log(self, program: str) -> str:
        """What a program has logged so far; the server's is `stderr`."""
        name = "stderr" if program == "watchcache" else f"{program}.log"
        return (self.directory / name).read_text()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A running cluster without nodes, on a file journal."""
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
