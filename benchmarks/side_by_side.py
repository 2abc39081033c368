"""Ours beside a real kube-apiserver: the same client, the same machine, the same run, through TLS.

    python dev.py bench side_by_side --peers DIR [--only get1,post] [--rounds 3]

DIR holds `etcd` and `kube-apiserver` binaries. Both servers run at once; the workloads alternate between them, so that
what disturbs the machine disturbs both. CPU is the servers' own (etcd's is added to kube-apiserver's where it takes
part), from /proc. Prints one JSON line for each figure and a table at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from raw_clients import Http1, Http2, WatchReaders, WatchStreams, tls_context

TICK = os.sysconf("SC_CLK_TCK")
TOKEN = "benchtoken"
NAMESPACE = "bench"


def pod(name: str, size: int = 0) -> bytes:
    """A small pod, padded by an annotation to about `size` bytes."""
    document = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench"}, "annotations": {"padding": "x" * max(0, size - 900)}},
        "spec": {"nodeName": f"node-{hash(name) % 100}", "containers": [{"name": "c", "image": "nginx:1.29", "ports": [{"containerPort": 80}]}]},
    }  # fmt: skip
    return json.dumps(document).encode()


class Peer:
    """One server under test, with the processes whose CPU counts."""

    def __init__(self, name: str, port: int, processes: list[subprocess.Popen[bytes]]) -> None:
        self.name, self.port, self.processes = name, port, processes

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


def start_ours(directory: Path, port: int, etcd: Path | None) -> Peer:
    """Ours on the file journal, or on an etcd of its own when a folder with the binary is given."""
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    arguments = [
        "--secure-port", str(port), "--cert-dir", directory / "pki", "--watchcache-data-dir", directory / "data",
        "--token-auth-file", tokens, "--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
    ]  # fmt: skip
    processes = []
    if etcd is not None:
        processes = [start_etcd(directory, port + 1, etcd)]
        arguments += ["--storage-backend=etcd3", f"--etcd-servers=http://127.0.0.1:{port + 1}"]
    log = (directory / "ours.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "watchcache", "serve", *map(str, arguments)], stdout=log, stderr=log
    )
    wait_ready(port)
    return Peer("watchcache", port, [process, *processes])


def start_theirs(directory: Path, port: int, binaries: Path) -> Peer:
    """kube-apiserver and its etcd."""
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key = directory / "sa.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    client = port + 1
    log = (directory / "theirs.log").open("wb")
    etcd = start_etcd(directory, client, binaries)
    server = subprocess.Popen(
        [
            binaries / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{client}", "--secure-port", str(port), "--bind-address",
            "127.0.0.1", "--cert-dir", directory / "certs", "--token-auth-file", tokens, "--authorization-mode", "AlwaysAllow",
            "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.0.0.0/24",
            "--disable-admission-plugins", "ServiceAccount",
        ],
        stdout=log, stderr=log,
    )  # fmt: skip
    wait_ready(port)
    return Peer("kube-apiserver", port, [server, etcd])


def measured(peer: Peer, work: Callable[[], int]) -> dict[str, float]:
    """Run `work`, which says how many operations it did; CPU microseconds each and operations a second."""
    cpu, own, start = peer.cpu(), peer.own_cpu(), time.perf_counter()
    count = work()
    seconds = time.perf_counter() - start
    return {
        "cpu_us": (peer.cpu() - cpu) / count * 1e6,
        "without_etcd_us": (peer.own_cpu() - own) / count * 1e6,
        "per_second": count / seconds,
    }


def parallel(count: int, body: Callable[[int], int]) -> int:
    """The sum of what `count` threads did."""
    results = [0] * count
    threads = [
        threading.Thread(target=lambda n: results.__setitem__(n, body(n)), args=(n,)) for n in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(results)


def post_bytes(client: Http1, path: str, body: bytes) -> bytes:
    """A whole POST request."""
    return client.head("POST", path, len(body)) + body


def post(client: Http1, path: str, body: bytes) -> int:
    """Create an object; the answer's status."""
    client.send(post_bytes(client, path, body))
    return client.receive()[0]


def prepare(peer: Peer) -> None:
    """The namespace and a pod to read."""
    client = Http1(peer.port, TOKEN)
    post(
        client,
        "/api/v1/namespaces",
        json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).encode(),
    )
    post(client, f"/api/v1/namespaces/{NAMESPACE}/pods", pod("one"))


def get1(peer: Peer, scale: float) -> dict[str, float]:
    """GET of a pod over HTTP/1.1, 4 connections."""

    def body(_: int) -> int:
        client = Http1(peer.port, TOKEN)
        request = client.head("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/one")
        for _ in range(int(1500 * scale)):
            client.send(request)
            assert client.receive()[0] == 200
        return int(1500 * scale)

    return measured(peer, lambda: parallel(4, body))


def get2(peer: Peer, scale: float) -> dict[str, float]:
    """GET of a pod over HTTP/2, 4 connections."""

    def body(_: int) -> int:
        client = Http2(peer.port, TOKEN)
        block = client.block("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/one")
        for _ in range(int(1500 * scale)):
            client.send(block)
            assert client.receive() > 500
        return int(1500 * scale)

    return measured(peer, lambda: parallel(4, body))


def post16(peer: Peer, scale: float) -> dict[str, float]:
    """POST of a pod, 16 writers, every write synced to disk."""
    return post_with(peer, scale, 16)


def post64(peer: Peer, scale: float) -> dict[str, float]:
    """The same with 64 writers."""
    return post_with(peer, scale, 64)


def post_with(peer: Peer, scale: float, writers: int) -> dict[str, float]:
    """POST of a pod by so many writers, 2,400 pods in all."""
    stamp, each = time.time_ns(), int(2400 * scale / writers)
    clients = [Http1(peer.port, TOKEN) for _ in range(writers)]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    requests = [
        [post_bytes(client, path, pod(f"w-{stamp}-{writer}-{n}")) for n in range(each)]
        for writer, client in enumerate(clients)
    ]

    def body(writer: int) -> int:
        client = clients[writer]
        for request in requests[writer]:
            client.send(request)
            assert client.receive()[0] == 201
        return each

    return measured(peer, lambda: parallel(writers, body))


def fill(peer: Peer, count: int) -> None:
    """Pods of 3 KB for the list, in a namespace of their own."""
    client = Http1(peer.port, TOKEN)
    post(client, "/api/v1/namespaces", b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"many"}}')

    def body(writer: int) -> int:
        client = Http1(peer.port, TOKEN)
        for number in range(writer, count, 16):
            assert post(client, "/api/v1/namespaces/many/pods", pod(f"p-{number}", 2600)) == 201
        return 0

    parallel(16, body)


def list_all(peer: Peer, scale: float) -> dict[str, float]:
    """LIST of all those pods, one reader."""

    def work() -> int:
        client = Http1(peer.port, TOKEN)
        for _ in range(max(1, int(3 * scale))):
            client.send(client.head("GET", "/api/v1/namespaces/many/pods"))
            status, size = client.receive()
            assert status == 200
            assert size > 1_000_000
        return max(1, int(3 * scale))

    return measured(peer, work)


def list_node(peer: Peer, scale: float) -> dict[str, float]:
    """LIST by spec.nodeName over the same pods."""

    def work() -> int:
        client = Http1(peer.port, TOKEN)
        for number in range(int(30 * scale)):
            client.send(client.head("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-{number % 100}"))
            assert client.receive()[0] == 200
        return int(30 * scale)

    return measured(peer, work)


def watch500(peer: Peer, scale: float) -> dict[str, float]:
    """Deliveries to 500 watchers over HTTP/1.1, flat out: one writer changes a config map as fast as it is answered."""
    return watched(peer, scale, lambda path: WatchReaders(peer.port, TOKEN, path, 500))


def watch500_http2(peer: Peer, scale: float) -> dict[str, float]:
    """The same over HTTP/2, a connection for each watcher, as Go clients with transports of their own."""
    return watched(peer, scale, lambda path: WatchStreams(peer.port, TOKEN, path, 500))


def watch500_shared(peer: Peer, scale: float) -> dict[str, float]:
    """The same over HTTP/2, ten watches on a connection, as the informers of one Go client."""
    return watched(peer, scale, lambda path: WatchStreams(peer.port, TOKEN, path, 500, 10))


def watched(
    peer: Peer, scale: float, watch: Callable[[str], WatchReaders | WatchStreams]
) -> dict[str, float]:
    """One writer changes a config map, 500 watchers see each change."""
    count, changes = 500, int(150 * scale)
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    client = Http1(peer.port, TOKEN)
    name = f"w{time.time_ns()}"
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"n": "0", "pad": "x" * 800},
    }
    post(client, path, json.dumps(document).encode())
    readers = watch(
        f"{path}?watch=1&fieldSelector=metadata.namespace%3D{NAMESPACE}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&labelSelector=x!%3Dy"
    )
    time.sleep(1.5)

    def writer() -> None:
        for number in range(changes):
            patch = json.dumps({"data": {"n": str(number + 1)}}).encode()
            client.send(
                client.head("PATCH", f"{path}/{name}", len(patch), "application/merge-patch+json") + patch
            )
            assert client.receive()[0] == 200

    def work() -> int:
        thread = threading.Thread(target=writer)
        thread.start()
        whole = readers.read_until(count * changes, time.monotonic() + 120)
        thread.join()
        assert whole, f"{readers.events} of {count * changes} events"
        return readers.events

    figures = measured(peer, work)
    readers.close()
    return figures


WORKLOADS = {
    "get1": get1,
    "get2": get2,
    "post": post16,
    "post64": post64,
    "watch1": watch500,
    "watch2": watch500_http2,
    "watch2x10": watch500_shared,
    "list": list_all,
    "node": list_node,
}


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peers", type=Path, help="folder with etcd and kube-apiserver; without it only ours is measured"
    )
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--pods", type=int, default=50_000, help="pods in the list workloads")
    parser.add_argument(
        "--etcd", action="store_true", help="ours on an etcd of its own instead of the file journal"
    )
    parser.add_argument("--port", type=int, default=17443, help="of ours; theirs has a thousand more")
    chosen = parser.parse_args()
    if chosen.etcd and not chosen.peers:
        parser.error("--etcd needs --peers: etcd's binary is there")
    names = chosen.only.split(",")
    peers: list[Peer] = []
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(1)
    )  # by way of `finally`: the servers must not outlive us
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in ("ours", "theirs"):
                (Path(folder) / name).mkdir()
            peers.append(
                start_ours(Path(folder) / "ours", chosen.port, chosen.peers if chosen.etcd else None)
            )
            if chosen.peers:
                peers.append(start_theirs(Path(folder) / "theirs", chosen.port + 1000, chosen.peers))
            for peer in peers:
                prepare(peer)
                if {"list", "node"} & set(names):
                    fill(peer, chosen.pods)
            report(peers, names, chosen.rounds, chosen.scale)
        finally:
            for peer in peers:
                peer.stop()


def report(peers: list[Peer], names: list[str], rounds: int, scale: float) -> None:
    """Alternate between the servers; the medians, and ours over theirs."""
    for name in names:
        rows: dict[str, list[dict[str, float]]] = {peer.name: [] for peer in peers}
        for _ in range(rounds):
            for peer in peers:
                rows[peer.name].append(WORKLOADS[name](peer, scale))
        medians = {
            server: {key: round(statistics.median(row[key] for row in figures), 2) for key in figures[0]}
            for server, figures in rows.items()
        }
        line: dict[str, object] = {
            "workload": name,
            "what": (WORKLOADS[name].__doc__ or "").strip(),
            **medians,
        }
        if len(peers) == 2:
            ours, theirs = medians["watchcache"], medians["kube-apiserver"]
            line["cpu_ratio"] = round(ours["cpu_us"] / theirs["cpu_us"], 3)
            line["throughput_ratio"] = round(ours["per_second"] / theirs["per_second"], 2)
        line["memory_mib"] = {peer.name: round(peer.memory()) for peer in peers}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
