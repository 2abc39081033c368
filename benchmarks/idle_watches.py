"""What watches cost on which nothing happens: memory and the processor time of opening each; then, on request, a storm of bookmarks.

    python dev.py bench idle_watches [--kind h2|h1|single] [--watches 10000] [--each 20] [--workers N] [--storm] [--source DIR]

`h2`: watches of a namespace's Services, `each` on a TLS connection, as client-go makes them; `h1`: one on a TLS connection of its own;
`single`: as h2, but each watch is of one ConfigMap of a name of its own, as kubelets open them. The clients are another
process than the server, and read nothing but what they must. Memory is what /proc/PID/smaps_rollup says after less before.

`--storm`: all watches are told to end at the same second, so that a bookmark is due to each of them 1.5 s before: a probe writes an object
50 times a second and measures when its own watch has it, before and during the storm. Prints one JSON line a figure.
"""

from __future__ import annotations

import argparse
import multiprocessing
import select
import ssl
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from probe import Probe, for_seconds, say, summary
from raw_clients import Http1, Http2, connect
from serving import Serving, options_of, read, serving


def path_of(kind: str, number: int, timeout: int) -> str:
    """The path of a watch, as client-go words it."""
    common = f"allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds={timeout}&watch=true"
    if kind == "single":
        return f"/api/v1/namespaces/default/configmaps?{common}&fieldSelector=metadata.name%3Dmap-{number}"
    return f"/api/v1/namespaces/quiet/services?{common}"


def open_watches(port: int, kind: str, watches: int, each: int, ends: float, pipe: Connection) -> None:
    """A process of clients: opens the watches, says so, and reads what comes until told to leave."""
    sockets: list[ssl.SSLSocket] = []
    for first in range(0, watches, each):
        timeout = max(5, round(ends - time.time())) if ends else 3000
        paths = [path_of(kind, number, timeout) for number in range(first, min(watches, first + each))]
        if kind == "h1":
            sock = connect(port)
            request = Http1.__new__(Http1)
            request._token = "idle"
            sock.sendall(request.head("GET", paths[0]))
        else:
            client = Http2(port, "idle")
            for path in paths:
                client.send(client.block("GET", path))
            sock = client._sock
        sockets.append(sock)
    epoll = select.epoll()
    by_number = {sock.fileno(): sock for sock in sockets}
    for number, sock in by_number.items():
        sock.setblocking(False)
        epoll.register(number, select.EPOLLIN)
    drain(epoll, by_number, 2.0)
    pipe.send("open")
    while not pipe.poll(0):
        drain(epoll, by_number, 0.2)
    pipe.close()


def drain(epoll: select.epoll, sockets: dict[int, ssl.SSLSocket], seconds: float) -> None:
    """Read what comes, for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for number, _ in epoll.poll(0.2):
            try:
                while data := sockets[number].recv(1 << 16):
                    if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200"):
                        raise SystemExit(f"a watch was refused: {data[:200]!r}")
                epoll.unregister(number)
            except ssl.SSLWantReadError:
                continue


def measure(server: Serving, options: argparse.Namespace) -> None:
    """Open them, and say what it took."""
    each = 1 if options.kind == "h1" else options.each
    ours, theirs = multiprocessing.Pipe()
    ends = time.time() + options.storm if options.storm else 0.0
    before, cpu = server.memory(), server.cpu()
    arguments = (server.port, options.kind, options.watches, each, ends, theirs)
    clients = multiprocessing.Process(target=open_watches, args=arguments, daemon=True)
    began = time.monotonic()
    clients.start()
    theirs.close()
    ours.recv()
    took = time.monotonic() - began
    after, used = server.memory(), server.cpu() - cpu
    say(
        kind=options.kind, watches=options.watches, on_a_connection=each,
        rss_bytes_each=round((after.rss - before.rss) / options.watches),
        pss_bytes_each=round((after.pss - before.pss) / options.watches),
        opening_us_each=round(used / options.watches * 1e6, 1), seconds=round(took, 1),
    )  # fmt: skip
    probe = Probe(server.port)
    cpu = server.cpu()
    late = probe.write(for_seconds(4))
    say(phase="idle", us_of_server_a_write=round((server.cpu() - cpu) / len(late) * 1e6), **summary(late))
    if options.storm:
        while (left := ends - 4 - time.time()) > 0:
            time.sleep(min(left, 30.0))
            probe.write(for_seconds(0.1))  # a connection without requests is closed
        cpu = server.cpu()
        late = probe.write(for_seconds(6))
        say(phase="bookmarks and ends of all", cpu_seconds=round(server.cpu() - cpu, 2), **summary(late))
    ours.send("leave")
    clients.join()


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    parser.add_argument("--kind", choices=["h2", "h1", "single"], default="h2")
    parser.add_argument("--watches", type=int, default=10000)
    parser.add_argument("--each", type=int, default=20, help="watches on a connection of HTTP/2")
    parser.add_argument(
        "--storm", type=float, default=0.0, metavar="SECONDS", help="all watches end so long after the start"
    )
    options, flags = read(parser)
    with serving(["idle", "probe"], *flags, source=options.source) as server:
        measure(server, options)


if __name__ == "__main__":
    main()
