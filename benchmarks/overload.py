"""One user lists without end, another goes on working: what the first does to the second.

    python dev.py bench overload [--pollers 16] [--seconds 8] [--objects 8000] [--size 3000] [--source DIR]

A server of its own with objects in memory. `modest` gets one object a hundred times a second and renews a lease ten times a second, at
fixed times (an answer that is late does not delay the next question, so that no delay is hidden); first alone, then beside the pollers of
`greedy`, each of which lists everything, again and again, over TLS. Prints one JSON line for each phase. `--source` runs the
server of another checkout, to compare. The clients share the machine with the server.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from raw_clients import Http1
from serving import ROOT, serving

CONFIG = "/api/v1/namespaces/default/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
GETS = 100  # a second
RENEWALS = 10


def fill(port: int, objects: int, size: int) -> None:
    """Write the objects, and the lease."""
    client = Http1(port, "modest")
    for number in range(objects):
        post(client, CONFIG, {"metadata": {"name": f"c{number}"}, "data": {"text": "x" * size}})
    post(client, LEASES, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "modest"}})


def post(client: Http1, path: str, document: dict[str, object]) -> None:
    """Create an object."""
    ask(client, "POST", path, json.dumps(document).encode(), wanted=201)


def ask(client: Http1, method: str, path: str, body: bytes = b"", *, wanted: int = 200) -> None:
    """One request; its status must be the one wanted."""
    content = "application/merge-patch+json" if method == "PATCH" else "application/json"
    client.send(client.head(method, path, len(body), content) + body)
    status, _ = client.receive()
    if status != wanted:
        raise SystemExit(f"{method} {path}: {status}")


def work(port: int, rate: int, seconds: float, method: str, path: str, late: list[float]) -> None:
    """Ask at fixed times; how long after its time each answer was there."""
    client = Http1(port, "modest")
    start = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = start + number / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        body = (
            json.dumps({"spec": {"renewTime": f"2026-01-01T00:00:00.{number:06}Z"}}).encode()
            if method == "PATCH"
            else b""
        )
        ask(client, method, path, body)
        late.append(time.perf_counter() - due)


def poll(
    port: int, pollers: int, until: float, report: multiprocessing.SimpleQueue[dict[str, float]]
) -> None:
    """Threads of one process that list until a time."""
    counts: list[tuple[int, int]] = []

    def run() -> None:
        client = Http1(port, "greedy")
        while time.time() < until:
            client.send(client.head("GET", CONFIG))
            counts.append(client.receive())

    threads = [threading.Thread(target=run) for _ in range(pollers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = sum(size for status, size in counts if status == 200)
    refused = sum(status == 429 for status, _ in counts)
    report.put({"lists": len(counts) - refused, "refused": refused, "megabytes": round(sent / 1e6)})


def measure(port: int, seconds: float) -> dict[str, float]:
    """What `modest` sees: milliseconds of gets and of renewals."""
    gets, renewals = list[float](), list[float]()
    threads = [
        threading.Thread(target=work, args=(port, GETS, seconds, "GET", f"{CONFIG}/c1", gets)),
        threading.Thread(target=work, args=(port, RENEWALS, seconds, "PATCH", f"{LEASES}/l", renewals)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        f"{name}_p{part}_ms": round(sorted(values)[min(len(values) - 1, len(values) * part // 100)] * 1000, 1)
        for name, values in (("get", gets), ("lease", renewals))
        for part in (50, 99, 100)
    }


def main() -> None:
    """Both phases."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--pollers", type=int, default=16)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--objects", type=int, default=8000)
    options.add_argument("--size", type=int, default=3000)
    options.add_argument("--source", type=Path, default=ROOT, help="the checkout whose server is measured")
    chosen = options.parse_args()
    with serving(["greedy", "modest"], source=chosen.source.resolve()) as server:
        port = server.port
        fill(port, chosen.objects, chosen.size)
        print(json.dumps({"phase": "alone", **measure(port, chosen.seconds / 2)}), flush=True)
        report: multiprocessing.SimpleQueue[dict[str, float]] = multiprocessing.SimpleQueue()
        until = time.time() + chosen.seconds + 1
        greedy = multiprocessing.Process(target=poll, args=(port, chosen.pollers, until, report))
        greedy.start()
        time.sleep(1.0)  # all pollers are under way
        seen = measure(port, chosen.seconds)
        greedy.join()
        print(json.dumps({"phase": f"beside {chosen.pollers} pollers", **seen, **report.get()}), flush=True)


if __name__ == "__main__":
    main()
