"""The servers that are compared: ours, and a kube-apiserver with its etcd, as processes of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from raw_clients import tls_context

TICK = os.sysconf("SC_CLK_TCK")
TOKEN = "benchtoken"


class Peer:
    """One server under test, with the processes whose CPU counts."""

    def __init__(
        self,
        name: str,
        port: int,
        start: Callable[[], subprocess.Popen[bytes]],
        others: list[subprocess.Popen[bytes]],
    ) -> None:
        self.name, self.port, self._start = name, port, start
        self.processes = [start(), *others]
        self.filled = False

    def restart(self) -> None:
        """End the API server alone and start it again; does not wait for it."""
        self.processes[0].terminate()
        self.processes[0].wait(60)
        self.processes[0] = self._start()

    def cpu(self) -> float:
        """CPU seconds spent so far, user and system, all threads."""
        return self._cpu(self.processes)

    def own_cpu(self) -> float:
        """The same of the API server alone."""
        return self._cpu(self.processes[:1])

    def _cpu(self, processes: list[subprocess.Popen[bytes]]) -> float:
        total = 0.0
        for process in processes:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
        return total

    def memory(self) -> float:
        """Resident MiB of the API server alone."""
        status = Path(f"/proc/{self.processes[0].pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """End the processes that were started here."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_ready(port: int) -> None:
    """Until /readyz says ok."""
    for _ in range(600):
        try:
            request = urllib.request.Request(
                f"https://127.0.0.1:{port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            if urllib.request.urlopen(request, context=tls_context(), timeout=5).read() == b"ok":
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"the server on port {port} did not get ready")


def start_etcd(directory: Path, client: int, binaries: Path) -> subprocess.Popen[bytes]:
    """An etcd that syncs every write, on two ports from `client` on."""
    peer = client + 1
    with (directory / f"etcd-{client}.log").open("wb") as log:
        return subprocess.Popen(
            [
                binaries / "etcd", "--data-dir", directory / f"etcd-{client}", "--listen-client-urls", f"http://127.0.0.1:{client}",
                "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
                "--log-level", "error", "--quota-backend-bytes", str(8 << 30),
            ],
            stdout=log, stderr=log,
        )  # fmt: skip


def start_ours(
    directory: Path,
    port: int,
    binaries: Path | None,
    shared: subprocess.Popen[bytes] | None,
    prefix: str = "/registry",
) -> Peer:
    """Ours on the file journal, or, when a folder with the binary is given, on an etcd of its own, or on the one that `theirs` starts.

    prefix: before all of its keys there; kube-apiserver's is /registry.
    """
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    arguments = [
        "--secure-port", str(port), "--cert-dir", directory / "pki", "--watchcache-data-dir", directory / "data",
        "--token-auth-file", tokens, "--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
    ]  # fmt: skip
    processes = []
    if binaries is not None:
        client = port + 1 if shared is None else port + 1001
        processes = [shared or start_etcd(directory, client, binaries)]
        servers = f"--etcd-servers=http://127.0.0.1:{client}"
        arguments += ["--storage-backend=etcd3", servers, f"--etcd-prefix={prefix}"]
    log = (directory / "ours.log").open("wb")

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "watchcache", "serve", *map(str, arguments)]
        return subprocess.Popen(command, stdout=log, stderr=log)

    peer = Peer("watchcache", port, start, processes)
    wait_ready(port)
    return peer


def start_theirs(directory: Path, port: int, binaries: Path, more: Sequence[str] = ()) -> Peer:
    """kube-apiserver, with more flags, and its etcd."""
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key = directory / "sa.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    client = port + 1
    log = (directory / "theirs.log").open("wb")
    etcd = start_etcd(directory, client, binaries)
    command = [
            binaries / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{client}", "--secure-port", str(port), "--bind-address",
            "127.0.0.1", "--cert-dir", directory / "certs", "--token-auth-file", tokens, "--authorization-mode", "AlwaysAllow",
            "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.0.0.0/24",
            "--disable-admission-plugins", "ServiceAccount", *more,
        ]  # fmt: skip
    peer = Peer("kube-apiserver", port, lambda: subprocess.Popen(command, stdout=log, stderr=log), [etcd])
    wait_ready(port)
    return peer
