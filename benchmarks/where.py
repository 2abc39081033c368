"""Where the microseconds of a request or a delivery go: the CPU of our server, split by what it was spent in.

    python dev.py bench where --only node,post,watch2 [--pods 10000] [--scale 2]

Runs workloads of `side_by_side` against our server alone while `perf` (of the system; allowed to sample kernel stacks)
samples it, and deals the CPU of an operation out by the samples. Kernel time counts for the system call it was spent in; on loopback a
`send` does the receiver's TCP work, too. `client_us` is the CPU of the client that measures: what it takes of the two cores from the server.
Prints one JSON line for each workload.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import Peer, start_ours
from side_by_side import NEED_PODS, WORKLOADS, fill, prepare

SYSTEM_CALLS = {
    "send": ("sendto", "sendmsg", "tcp_sendmsg"),
    "receive": ("recvfrom", "recvmsg"),
    "epoll": ("epoll",),
    "journal": ("fdatasync", "fsync", "ksys_write", "pwrite", "writev"),
    "threads": ("futex", "sched_yield"),
}
"""What a kernel stack is counted as, by a part of the name of one of its functions; the first that fits."""
LIBRARIES = {"libcrypto": "TLS", "libssl": "TLS", "_ssl.": "TLS", "libc.so": "libc (copies, malloc)"}


def part_of(stack: list[str]) -> str:
    """What a sample was spent in; `stack` are perf's lines, "address symbol (object)", innermost first."""
    if stack[0].lstrip().startswith("ffff"):  # the upper half of the addresses
        text = " ".join(stack)
        for part, names in SYSTEM_CALLS.items():
            if any(name in text for name in names):
                return f"kernel: {part}"
        return "kernel: the rest"
    for library, part in LIBRARIES.items():
        if library in stack[0]:
            return part
    return "Python"


def split(data: Path) -> Counter[str]:
    """Samples by part."""
    command = ["perf", "script", "-i", data, "-F", "ip,sym,dso"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    stacks = (sample.splitlines() for sample in text.strip("\n").split("\n\n\n") if sample.strip())
    return Counter(part_of(stack) for stack in stacks)


def profiled(peer: Peer, name: str, scale: float, folder: Path) -> dict[str, object]:
    """One run of a workload under perf: CPU of server and client in microseconds an operation, and the server's by part."""
    WORKLOADS[name](peer, scale / 4)  # warm
    data = folder / f"{name}.perf"
    command = ["perf", "record", "-q", "-g", "-F", "997", "-o", data, "-p", str(peer.processes[0].pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as perf:
        client, begun = time.process_time(), time.perf_counter()
        figures = WORKLOADS[name](peer, scale)
        client, seconds = time.process_time() - client, time.perf_counter() - begun
        perf.send_signal(signal.SIGINT)
    samples = split(data)
    whole = samples.total()
    return {
        "workload": name,
        "cpu_us": round(figures["cpu_us"], 1),
        "client_us": round(client / seconds / figures["per_second"] * 1e6, 1),
        "parts_us": {part: round(figures["cpu_us"] * n / whole, 1) for part, n in samples.most_common()},
        "samples": whole,
    }


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="node,post,watch2")
    parser.add_argument("--scale", type=float, default=2.0)
    parser.add_argument("--pods", type=int, default=10_000, help="pods in the list workloads")
    parser.add_argument("--port", type=int, default=17443)
    chosen = parser.parse_args()
    if not shutil.which("perf"):
        parser.error("perf is not installed (package linux-perf)")
    names = chosen.only.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of `finally`
    with tempfile.TemporaryDirectory() as folder:
        peer = start_ours(Path(folder), chosen.port, None, None)
        try:
            prepare(peer)
            if NEED_PODS & set(names):
                fill(peer, chosen.pods)
            for name in names:
                print(json.dumps(profiled(peer, name, chosen.scale, Path(folder))), flush=True)
        finally:
            peer.stop()


if __name__ == "__main__":
    main()
