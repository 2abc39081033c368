"""What processes beside the one that writes cost and bring: CPU a delivery, by process, with 0, 1 and 2 workers.

    python benchmarks/workers.py [--watchers 200] [--writes 300]

Watchers read over HTTP/1.1 and TLS, one connection each, while one writer creates ConfigMaps of 1 KB. On a machine whose cores the
clients share, the figure that counts is the CPU of the busiest process: it is what a server of idle cores would wait for.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from raw_clients import Http1, WatchReaders
from serving import children, seconds_of

ROOT = Path(__file__).parent.parent
MAPS = "/api/v1/namespaces/default/configmaps"
TOKEN = "bench"


def measure(workers: int, watchers: int, writes: int, directory: Path) -> str:
    """One line about a server with so many workers."""
    (directory / "tokens.csv").write_text(f"{TOKEN},admin,admin\n")
    command = [sys.executable, "-m", "watchcache", "serve", "--secure-port=0", "--storage-backend=memory"]
    command += [f"--cert-dir={directory}/pki", f"--token-auth-file={directory}/tokens.csv"]
    command += [f"--watchcache-workers={workers}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        assert server.stdout is not None
        match = re.search(rb"serving https://[^:]+:(\d+)", server.stdout.readline())
        assert match, "the server did not start"
        port = int(match[1])
        writer = Http1(port, TOKEN)
        readers = WatchReaders(port, TOKEN, f"{MAPS}?watch=1", watchers)
        readers.read_until(watchers * 2, time.monotonic() + 2)  # kube-root-ca.crt, and whatever else there is
        pids, already = [server.pid, *children(server.pid)], readers.events
        before = [seconds_of(pid) for pid in pids]
        for number in range(writes):
            body = json.dumps({"metadata": {"name": f"map-{number}"}, "data": {"text": "x" * 900}}).encode()
            writer.send(writer.head("POST", MAPS, len(body)) + body)
            assert writer.receive()[0] == 201
            readers.read_until(readers.events, 0)
        complete = readers.read_until(already + watchers * writes, time.monotonic() + 60)
        used = [after - earlier for after, earlier in zip(map(seconds_of, pids), before, strict=True)]
        readers.close()
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    deliveries = watchers * writes
    by_process = " + ".join(f"{seconds:.2f}" for seconds in used)
    return (
        f"{workers} workers: {deliveries} deliveries{'' if complete else ' NOT COMPLETE'}, {sum(used) / deliveries * 1e6:.1f} us "
        f"of CPU each; {by_process} s by process, the one that writes first; busiest {max(used):.2f} s"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--writes", type=int, default=300)
    options = parser.parse_args()
    for workers in (0, 1, 2):
        with tempfile.TemporaryDirectory() as directory:
            print(measure(workers, options.watchers, options.writes, Path(directory)), flush=True)


if __name__ == "__main__":
    main()
