"""Some of many watchers stop reading: does that delay the others' events?

    python dev.py bench stalled [--watchers 5000] [--stalled 500] [--rounds 3] [--workers N]

All watch the same objects over HTTP/2, 20 on a connection. The last connections are those that stall: they ask for a list of 8 MB, which
fills the kernel's buffers, and read no more, so that the server parks their watches. Objects of 2 KB are written twice a second and a probe's own watch is timed. Phases
alternate in one run: `reading` (everybody reads) and `stalled` (those do not). Prints one JSON line a phase.
"""

from __future__ import annotations

import json
import multiprocessing
import select
import ssl
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from probe import Probe, for_seconds, say, summary
from raw_clients import Http1, Http2
from serving import options_of, read, serving

MAPS = "/api/v1/namespaces/load/configmaps"
BULK = "/api/v1/namespaces/bulk/configmaps"
EACH = 20
WRITES = 2  # a second


def read_watches(port: int, watchers: int, stalled: int, pipe: Connection) -> None:
    """A process of clients; told "stall" or "read"."""
    healthy, others = select.epoll(), select.epoll()
    sockets: dict[int, ssl.SSLSocket] = {}
    slow_ones: list[Http2] = []
    for first in range(0, watchers, EACH):
        slow = first >= watchers - stalled
        client = Http2(port, "load", receive=8192 if slow else 0)
        block = client.block("GET", f"{MAPS}?watch=true")
        for _ in range(EACH):
            client.send(block)
        sock = client._sock
        sockets[sock.fileno()] = sock
        if slow:
            slow_ones.append(client)
        sock.setblocking(False)
        (others if slow else healthy).register(sock.fileno(), select.EPOLLIN)
    pipe.send("open")
    stall = False
    while True:
        if pipe.poll(0):
            word = pipe.recv()
            if word == "leave":
                return
            stall = word == "stall"
            for client in slow_ones if stall else ():  # more than the kernel's buffers hold, and not read
                client.send(client.block("GET", BULK))
        for epoll in (healthy,) if stall else (healthy, others):
            for number, _ in epoll.poll(0.01):
                try:
                    while sockets[number].recv(1 << 16):
                        pass
                except ssl.SSLWantReadError:
                    continue


def write(port: int, over: threading.Event) -> None:
    """Writes that everybody gets."""
    client = Http1(port, "load")
    begun = time.monotonic()
    number = 0
    while not over.is_set():
        number += 1
        time.sleep(max(0.0, begun + number / WRITES - time.monotonic()))
        body = json.dumps({"metadata": {"name": f"m{number}"}, "data": {"text": "x" * 2000}}).encode()
        try:
            client.send(client.head("POST", MAPS, len(body)) + body)
            client.receive()
        except OSError:  # the server is gone
            return


def make(port: int) -> None:
    """The namespaces, and 8 MB in one of them."""
    client = Http1(port, "load")
    bulk = [(BULK, {"metadata": {"name": f"b{n}"}, "data": {"text": "x" * 800_000}}) for n in range(10)]
    spaces = [("/api/v1/namespaces", {"metadata": {"name": name}}) for name in ("load", "bulk")]
    for path, document in [*spaces, *bulk]:
        body = json.dumps(document).encode()
        client.send(client.head("POST", path, len(body)) + body)
        if client.receive()[0] != 201:
            raise SystemExit(f"{path}: not created")


def states(port: int) -> object:
    """How many watches are live, parked, ..., of the process that answers."""
    client = Http1(port, "probe")
    client.send(client.head("GET", "/debug/watchers?top=1"))
    data = client._more()
    while b'"watchers":[' not in data:
        data += client._more()
    return json.loads(data[data.index(b"{") :])["total"]["states"]


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    parser.add_argument("--watchers", type=int, default=5000)
    parser.add_argument("--stalled", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    options, flags = read(parser)
    with serving(["load", "probe"], *flags, source=options.source) as server:
        make(server.port)
        ours, theirs = multiprocessing.Pipe()
        arguments = (server.port, options.watchers, options.stalled, theirs)
        multiprocessing.Process(target=read_watches, args=arguments, daemon=True).start()
        ours.recv()
        probe, over = Probe(server.port), threading.Event()
        threading.Thread(target=write, args=(server.port, over), daemon=True).start()
        for _ in range(options.rounds):
            for phase in ("reading", "stalled"):
                ours.send("stall" if phase == "stalled" else "read")
                probe.write(for_seconds(4))  # until buffers are full, or empty again
                cpu = server.cpu()
                late = probe.write(for_seconds(options.seconds))
                used = server.cpu() - cpu
                say(
                    phase=phase,
                    **summary(late),
                    server_cpu_seconds=round(used, 2),
                    states=states(server.port),
                    rss_megabytes=round(server.memory().rss / 1e6),
                )
        over.set()
        ours.send("leave")


if __name__ == "__main__":
    main()
