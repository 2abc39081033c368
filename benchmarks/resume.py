"""What it costs a server when all its clients come back: every node's connection, then all its watches, each from an old revision.

    python dev.py bench resume [--nodes 500] [--changes 6000] [--killed] [--workers N] [--source DIR]

Each node has the 18 watches of a kubelet and a kube-proxy on one HTTP/2 connection. Before, so many changes are made: half to pods, spread over
the nodes, half to the nodes themselves; every watch resumes from before them, and is resumed when its head and all that it is owed have come.
The clients are another process than the server. Prints one JSON line a figure; the server's processor time is the one to compare.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import signal
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from probe import say
from raw_clients import Http1, Http2, _Watched, frame
from serving import Serving, options_of, read, serving

from watchcache.bench.client.header_block import HeaderBlocks

MERGE = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"
BROADCAST = (
    "/api/v1/services", "/api/v1/services", "/apis/node.k8s.io/v1/runtimeclasses", "/apis/storage.k8s.io/v1/csidrivers",
    "/apis/discovery.k8s.io/v1/endpointslices", "/apis/networking.k8s.io/v1/servicecidrs",
)  # fmt: skip


def paths_of(node: str, revision: int) -> list[str]:
    """The 18 watches of a node."""
    selected = [f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}&"]
    selected += [f"/api/v1/nodes?fieldSelector=metadata.name%3D{node}&"] * 2
    for kind, count in (("configmaps", 5), ("secrets", 4)):
        selected += [
            f"/api/v1/namespaces/default/{kind}?fieldSelector=metadata.name%3D{kind}-{number}&"
            for number in range(count)
        ]
    selected += [f"{path}?" for path in BROADCAST]
    return [f"{path}watch=true&allowWatchBookmarks=true&resourceVersion={revision}" for path in selected]


class Node(_Watched):
    """A node's connection: counts the heads of its watches, and their events."""

    def __init__(self, port: int) -> None:
        super().__init__(Http2(port, "node")._sock)
        self.heads = 0

    def open(self, blocks: HeaderBlocks, paths: list[str]) -> None:
        """Ask for all watches at once."""
        asked = [blocks.block("GET", path, "", 0, first=not number) for number, path in enumerate(paths)]
        self.sock.sendall(b"".join(frame(1, 5, 2 * number + 1, block) for number, block in enumerate(asked)))

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        self.heads += kind == 1
        return super()._answer(kind, flags, stream, payload)


def come_back(port: int, names: list[str], revision: int, owed: int, pipe: Connection) -> None:
    """A process of all nodes: connects, says so, and resumes all watches when told to."""
    nodes = [Node(port) for _ in names]
    pipe.send("connected")
    pipe.recv()
    began, blocks = time.monotonic(), HeaderBlocks("localhost", "node")
    epoll = select.epoll()
    by_number = {node.sock.fileno(): node for node in nodes}
    for number in by_number:
        epoll.register(number, select.EPOLLIN)
    for node, name in zip(nodes, names, strict=True):
        node.open(blocks, paths_of(name, revision))
    heads = len(nodes) * len(paths_of("", 0))
    until = began + 300
    # A server that was started again has another port, and tells every node: one event more, sooner or later than the others.
    while (have := [sum(node.heads for node in nodes), sum(node.events for node in nodes)]) < [heads, owed]:
        if time.monotonic() > until:
            raise SystemExit(f"heads and events: {have}, and not {heads, owed}")
        for number, _ in epoll.poll(0.2):
            by_number[number].read()
    pipe.send(time.monotonic() - began)
    pipe.recv()


def write(client: Http1, method: str, path: str, document: object, expected: int) -> None:
    """One write."""
    body = json.dumps(document).encode()
    kind = MERGE if method == "PATCH" else "application/json"
    client.send(client.head(method, path, len(body), kind) + body)
    if (status := client.receive()[0]) != expected:
        raise SystemExit(f"{method} {path}: {status}")


def prepare(port: int, names: list[str], changes: int) -> tuple[int, int]:
    """Make the nodes, a pod of each, and the changes; the revision before them, and how many events are owed for them in all."""
    client = Http1(port, "admin")
    for name in names:
        write(client, "POST", "/api/v1/nodes", {"metadata": {"name": name}}, 201)
        pod = {
            "spec": {"nodeName": name, "containers": [{"name": "c", "image": "i"}]},
            "metadata": {"name": name},
        }
        write(client, "POST", PODS, pod, 201)
    revision = newest(port)
    for number in range(changes):
        path = f"{PODS if number % 2 else '/api/v1/nodes'}/{names[number // 2 % len(names)]}"
        write(client, "PATCH", path, {"metadata": {"labels": {"turn": str(number)}}}, 200)
    return revision, changes // 2 + 2 * (changes - changes // 2)


def newest(port: int) -> int:
    """The server's newest revision, as a list has it."""
    client = Http2(port, "admin")
    client.send(client.block("GET", "/api/v1/namespaces/none/services"))
    while True:
        kind, _, _, payload = client._frame()
        if kind == 0:
            return int(json.loads(payload)["metadata"]["resourceVersion"])


def measure(server: Serving, names: list[str], revision: int, owed: int) -> None:
    """All come back; say what it took."""
    ours, theirs = multiprocessing.Pipe()
    clients = multiprocessing.Process(
        target=come_back, args=(server.port, names, revision, owed, theirs), daemon=True
    )
    cpu = server.cpu()
    clients.start()
    theirs.close()
    ours.recv()
    say(phase="connecting", nodes=len(names), server_us_each=round((server.cpu() - cpu) / len(names) * 1e6))
    cpu = server.cpu()
    ours.send("resume")
    seconds = ours.recv()
    used, watches = server.cpu() - cpu, len(names) * len(paths_of("", 0))
    say(
        phase="resuming", watches=watches, events=owed, server_us_each=round(used / watches * 1e6, 1), server_cpu_seconds=round(used, 2),
        seconds=round(seconds, 2),
    )  # fmt: skip
    ours.send("leave")
    clients.join()


def main() -> None:
    """Make the changes, let all come back, and print."""
    parser = options_of(__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--changes", type=int, default=6000)
    parser.add_argument("--killed", action="store_true")
    options, flags = read(parser)
    names, users = [f"node-{number:05}" for number in range(options.nodes)], ["admin", "node"]
    with tempfile.TemporaryDirectory() as directory:
        if options.killed:
            flags += ["--storage-backend=file", f"--watchcache-data-dir={directory}/data"]
        with serving(users, *flags, source=options.source) as server:
            revision, owed = prepare(server.port, names, options.changes)
            if not options.killed:
                measure(server, names, revision, owed)
                return
            os.kill(server.pid, signal.SIGKILL)
        with serving(users, *flags, source=options.source) as server:
            measure(server, names, revision, owed)


if __name__ == "__main__":
    main()
