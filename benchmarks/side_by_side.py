"""Ours beside a real kube-apiserver: the same client, the same machine, the same run, through TLS.

    python dev.py bench side_by_side --peers DIR [--only get1,post] [--rounds 3]
    python dev.py bench side_by_side --peers DIR --etcd [--shared etcd|prefix] [--json] --only post,post64,latency,start

DIR holds `etcd` and `kube-apiserver` binaries. Both servers run at once; the workloads alternate between them, so that
what disturbs the machine disturbs both. CPU is the servers' own (etcd's is added to kube-apiserver's where it takes
part), from /proc. With --etcd ours keeps its data in an etcd as well, with --shared in the same one as kube-apiserver; then etcd's CPU counts
for whose turn it is. With `--shared etcd` each has a prefix of its own, so that the other server is idle meanwhile; with `--shared prefix` both
serve the same objects, and the other follows along, at its own expense. Prints one JSON line for each figure.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import TOKEN, Peer, start_ours, start_theirs, wait_ready
from raw_clients import Http1, Http2, WatchReaders, WatchStreams

NAMESPACE = "bench"
NUMBERED = re.compile(rb'"n":"(-?\d+)"')


def pod(name: str, size: int = 0) -> bytes:
    """A small pod, padded by an annotation to about `size` bytes."""
    document = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench"}, "annotations": {"padding": "x" * max(0, size - 900)}},
        "spec": {"nodeName": f"node-{hash(name) % 100}", "containers": [{"name": "c", "image": "nginx:1.29", "ports": [{"containerPort": 80}]}]},
    }  # fmt: skip
    return json.dumps(document).encode()


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
    """POST of a pod by so many writers, 2,400 pods in all; `p99_ms` is of the latencies of all of them."""
    stamp, each = time.time_ns(), int(2400 * scale / writers)
    clients = [Http1(peer.port, TOKEN) for _ in range(writers)]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    requests = [
        [post_bytes(client, path, pod(f"w-{stamp}-{writer}-{n}")) for n in range(each)]
        for writer, client in enumerate(clients)
    ]

    latencies: list[float] = []

    def body(writer: int) -> int:
        client = clients[writer]
        for request in requests[writer]:
            begun = time.perf_counter()
            client.send(request)
            assert client.receive()[0] == 201
            latencies.append(time.perf_counter() - begun)
        return each

    figures = measured(peer, lambda: parallel(writers, body))
    return {**figures, "p99_ms": sorted(latencies)[len(latencies) * 99 // 100] * 1e3}


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
        for number in range(int(300 * scale)):
            client.send(client.head("GET", f"/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-{number % 100}"))
            assert client.receive()[0] == 200
        return int(300 * scale)

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


def steady1000_http2(peer: Peer, scale: float) -> dict[str, float]:
    """Deliveries to 1,000 watchers over HTTP/2, a connection for each, 10 changes a second."""
    return watched(peer, scale, lambda path: WatchStreams(peer.port, TOKEN, path, 1000), 1000, pause=0.1)


def paced(count: int, pause: float) -> Iterator[int]:
    """So many numbers, each at its time: `pause` seconds after the one before, or at once when that is over."""
    begin = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, begin + number * pause - time.perf_counter()))
        yield number


def watched(
    peer: Peer,
    scale: float,
    watch: Callable[[str], WatchReaders | WatchStreams],
    count: int = 500,
    pause: float = 0.0,
) -> dict[str, float]:
    """One writer changes a config map, `count` watchers see each change; every `pause` seconds, or as fast as it is answered."""
    changes = int(150 * scale)
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
        for number in paced(changes, pause):
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


class LatencyReaders(WatchReaders):
    """Watches that note when each numbered change has come."""

    def __init__(self, port: int, path: str, count: int, sent: list[float]) -> None:
        super().__init__(port, TOKEN, path, count)
        self.latencies: list[float] = []
        self._sent = sent
        self._rest: dict[ssl.SSLSocket, bytes] = {}

    def taken(self, sock: ssl.SSLSocket, data: bytes) -> None:
        """Look for the numbers in whole lines."""
        now = time.perf_counter()
        *lines, self._rest[sock] = (self._rest.get(sock, b"") + data).split(b"\n")
        for line in lines:
            found = NUMBERED.search(line)
            if found is not None and found[1] != b"-1":
                self.latencies.append(now - self._sent[int(found[1])])


def latency(peer: Peer, scale: float) -> dict[str, float]:
    """From a PATCH that leaves to its event at each of 50 watchers, 50 changes a second."""
    return timed(peer, 50, int(500 * scale), 0.02)


def latency1000(peer: Peer, scale: float) -> dict[str, float]:
    """The same at 1,000 watchers, 10 changes a second: what a delivery over HTTP/1.1 costs then, too."""
    return timed(peer, 1000, int(100 * scale), 0.1)


def timed(peer: Peer, watchers: int, changes: int, pause: float) -> dict[str, float]:
    """A change every `pause` seconds, and when it came to each watcher, each on a connection of its own over HTTP/1.1."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    client, name = Http1(peer.port, TOKEN), f"l{time.time_ns()}"
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": "-1"}}
    post(client, path, json.dumps(document).encode())
    sent = [0.0] * changes
    query = f"watch=1&fieldSelector=metadata.name%3D{name}&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    readers = LatencyReaders(peer.port, f"{path}?{query}", watchers, sent)
    time.sleep(1.5)

    def writer() -> None:
        for number in paced(changes, pause):
            patch = json.dumps({"data": {"n": str(number)}}).encode()
            head = client.head("PATCH", f"{path}/{name}", len(patch), "application/merge-patch+json")
            sent[number] = time.perf_counter()
            client.send(head + patch)
            assert client.receive()[0] == 200

    def work() -> int:
        thread = threading.Thread(target=writer)
        thread.start()
        assert readers.read_until(watchers * changes, time.monotonic() + 120)
        thread.join()
        return readers.events

    figures = measured(peer, work)
    readers.close()
    ordered = sorted(readers.latencies)
    assert len(ordered) == watchers * changes
    return {
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
        "cpu_us": figures["cpu_us"],
    }


def restart(peer: Peer, scale: float) -> dict[str, float]:
    """A start with the pods of --pods stored: to /readyz, and to the first consistent list (500 of them)."""
    del scale
    began = time.perf_counter()
    peer.restart()
    wait_ready(peer.port)
    ready = time.perf_counter() - began
    while True:
        client = Http1(peer.port, TOKEN)
        client.send(client.head("GET", "/api/v1/namespaces/many/pods?limit=500"))
        if client.receive()[0] == 200:
            break
    return {
        "ready_s": ready,
        "listed_s": time.perf_counter() - began,
        "cpu_s": peer.own_cpu(),
    }


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
    "steady2": steady1000_http2,
    "latency": latency,
    "latency1000": latency1000,
    "start": restart,
}
NEED_PODS = frozenset({"list", "node", "start"})


RATIOS = {
    "cpu_us": "cpu_ratio",
    "cpu_s": "cpu_ratio",
    "per_second": "throughput_ratio",
    "p99_ms": "p99_ratio",
    "ready_s": "ready_ratio",
    "listed_s": "listed_ratio",
}
"""Of which figures ours is divided by theirs, and what that is called."""


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
    parser.add_argument(
        "--shared",
        choices=("etcd", "prefix"),
        help="with --etcd: both on one etcd, each with a prefix of its own or both with the same one, where the pods are made by ours",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="kube-apiserver stores JSON, as ours does and as one does that shares its objects with ours",
    )
    parser.add_argument("--port", type=int, default=17443, help="of ours; theirs has a thousand more")
    chosen = parser.parse_args()
    if chosen.shared and not chosen.etcd:
        parser.error("--shared needs --etcd")
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
            shared = None
            if chosen.peers:
                more = ["--storage-media-type=application/json"] if chosen.json else []
                peers.append(start_theirs(Path(folder) / "theirs", chosen.port + 1000, chosen.peers, more))
                shared = peers[0].processes[1] if chosen.shared else None
            etcd = chosen.peers if chosen.etcd else None
            prefix = "/ours" if chosen.shared == "etcd" else "/registry"
            peers.insert(0, start_ours(Path(folder) / "ours", chosen.port, etcd, shared, prefix))
            for peer in peers:
                prepare(peer)
                if NEED_PODS & set(names):
                    fill(peer, chosen.pods)
                if chosen.shared == "prefix":
                    break  # what one has made the other has, too
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
            for key, label in RATIOS.items():
                if key in ours:
                    line[label] = round(ours[key] / theirs[key], 3)
        line["memory_mib"] = {peer.name: round(peer.memory()) for peer in peers}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
