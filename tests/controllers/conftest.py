"""A simulated cluster: our server with the real controllers and scheduler, and kwok in the place of the kubelets."""

from __future__ import annotations

import shutil
import subprocess
import sys
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

    def __init__(self, directory: Path, *flags: str) -> None:
        """`flags` are more of the server's."""
        self.directory = directory
        self.server = ServerProcess(directory, "-v=3", *flags)
        self.kubectl = Kubectl(self.server.kubeconfig, directory / "cache")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all of it; the nodes come with the example's manifests."""
        self.server.start()
        self.start_programs()

    def start_programs(self, *, own_users: bool = False) -> None:
        """Start all but the server; with `own_users` the scheduler and each controller are themselves, not the administrator."""

        def kubeconfig(program: str) -> str:
            path = self._kubeconfig_of(program) if own_users else self.server.kubeconfig
            return f"--kubeconfig={path}"

        volumes = f"--flex-volume-plugin-dir={self.directory / 'flexvolume'}"
        manager, scheduler = "kube-controller-manager", "kube-scheduler"
        accounts = ["--use-service-account-credentials"] if own_users else []
        self._run(manager, kubeconfig(manager), "--secure-port=0", volumes, *accounts)
        self._run(scheduler, kubeconfig(scheduler), "--secure-port=0")
        kwok = f"--kubeconfig={self.server.kubeconfig}"
        self._run("kwok", kwok, "--manage-all-nodes", f"--config={EXAMPLE / 'kwok.yaml'}")

    def _kubeconfig_of(self, program: str) -> Path:
        """A kubeconfig for the user that a program has in a cluster of kubeadm's."""
        path = self.directory / f"{program}.kubeconfig"
        url = self.server.announcement.split("serving ")[1].split()[0]
        certificates = ("--cert-dir", str(self.directory / "pki"), "--server", url)
        command = [sys.executable, "-m", "watchcache", "kubeconfig", *certificates]
        command += ["--user", f"system:{program}", "--output", str(path)]
        subprocess.run(command, check=True, cwd=ROOT)
        return path

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


@pytest.fixture
def guarded_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A running server whose users may do what Node and RBAC say; the programs are to be started."""
    cluster = Cluster(tmp_path, "--authorization-mode=Node,RBAC")
    try:
        cluster.server.start()
        yield cluster
    finally:
        cluster.stop()
