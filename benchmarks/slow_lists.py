"""Many clients list everything and hardly read: the server's memory, and what others get meanwhile.

    python dev.py bench slow_lists [--clients 200] [--objects 50000] [--size 2600] [--seconds 15] [--workers N]

Half of the clients are of one user, the others of another. Each asks for the whole list and reads 16 KB a second of it. A third user asks for
/readyz, renews a lease and gets an object ten times a second each. Prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from overload import CONFIG, LEASES, fill
from raw_clients import Http1, connect
from serving import options_of, read, serving


def lister(port: int, user: str) -> object:
    """A connection that has asked for everything."""
    sock = connect(port)
    client = Http1.__new__(Http1)
    client._token = user
    sock.sendall(client.head("GET", CONFIG))
    sock.settimeout(2.0)
    return sock


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--objects", type=int, default=50000)
    parser.add_argument("--size", type=int, default=2600)
    parser.add_argument("--seconds", type=float, default=15.0)
    options, flags = read(parser)
    with serving(["greedy", "grabby", "modest"], *flags, source=options.source) as server:
        fill(server.port, options.objects, options.size)
        before, most = server.memory().rss, 0
        listers = [lister(server.port, ("greedy", "grabby")[number % 2]) for number in range(options.clients)]
        modest, late, refused, answers = Http1(server.port, "modest"), list[float](), 0, dict[str, int]()
        until = time.monotonic() + options.seconds
        for sock in listers:
            sock.setblocking(False)
        heads: dict[int, bytes] = {}
        while time.monotonic() < until:
            turn = time.monotonic() + 0.1
            for number, sock in enumerate(listers):
                try:
                    data = sock.recv(1600)
                except OSError:
                    continue
                if data and number not in heads:
                    heads[number] = data[:12]
            for method, path in (("GET", "/readyz"), ("GET", f"{CONFIG}/c1"), ("PATCH", f"{LEASES}/l")):
                body = (
                    json.dumps({"spec": {"renewTime": "2026-01-01T00:00:00.000001Z"}}).encode()
                    if method == "PATCH"
                    else b""
                )
                began = time.monotonic()
                modest.send(modest.head(method, path, len(body), "application/merge-patch+json") + body)
                status, _ = modest.receive()
                late.append((time.monotonic() - began) * 1000)
                refused += status != 200
            most = max(most, server.memory().rss)
            time.sleep(max(0.0, turn - time.monotonic()))
        for head in heads.values():
            answers[head.decode()] = answers.get(head.decode(), 0) + 1
        late.sort()
        print(json.dumps({
            "clients": options.clients, "list_megabytes": round(options.objects * options.size / 1e6),
            "rss_before_megabytes": round(before / 1e6), "rss_most_megabytes": round(most / 1e6), "answers": answers,
            "others_p50_ms": round(late[len(late) // 2], 1), "others_p99_ms": round(late[len(late) * 99 // 100], 1),
            "others_not_served": refused, "others": len(late),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
