"""A restart with many pods: seconds until the server says that it serves, and its memory then and after lists of all of them.

    python dev.py bench restart [--pods 150000] [--size 2600] [--profile FILE]

The directory is made through the log itself, which is quick; then the real server starts on it as a process of its own and
is asked over TLS. Prints one JSON line for each figure. Memory is given as a multiple of the bytes of all values.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parent))
from raw_clients import Http1

from watchcache.api.codec import stamp, value_of
from watchcache.log import Log
from watchcache.persist import FileJournal

TOKEN = "benchtoken"


def pod(number: int, size: int) -> bytes:
    """A pod's stored value of about `size` bytes: one of a replica set of 50, on one of 5,000 nodes, running."""
    owner = f"shop-{number // 50:04}-6d4b75cb6d"
    document = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"{owner}-{number:06}", "namespace": f"team-{number % 100}", "uid": f"00000000-0000-4000-8000-{number:012}",
            "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": owner, "pod-template-hash": "6d4b75cb6d"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}],
            "annotations": {"note": ""},
        },
        "spec": {
            "containers": [{"name": "c", "image": "nginx:1.29", "env": [{"name": f"V{n}", "value": str(number + n)} for n in range(8)]}],
            "nodeName": f"node-{number % 5000:04}", "restartPolicy": "Always", "serviceAccountName": "default", "schedulerName": "default-scheduler",
        },
        "status": {"phase": "Running", "podIP": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "qosClass": "BestEffort"},
    }  # fmt: skip
    document["metadata"]["annotations"]["note"] = "x" * max(0, size - len(value_of(document)))  # type: ignore[index]
    return value_of(document)


async def fill(directory: Path, pods: int, size: int) -> int:
    """Write the directory; the bytes of all values."""
    log, total = Log(FileJournal(directory), stamp=stamp), 0
    await log.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for number in range(pods):
            value = pod(number, size)
            total += len(value)
            name = json.loads(value)["metadata"]
            ticket = log.append_nowait(f"pods/{name['namespace']}/{name['name']}", value)
            if number % 1000 == 999 or number == pods - 1:
                await ticket.wait()
        await log.close()
    return total


def memory(process: subprocess.Popen[str], name: str) -> int:
    """VmRSS or VmHWM in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) * 1024


def cpu(process: subprocess.Popen[str]) -> float:
    """CPU seconds so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(name: str, **figures: object) -> None:
    """One line."""
    print(json.dumps({"benchmark": f"restart.{name}", **figures}), flush=True)


def start(directory: Path, profile: str) -> tuple[subprocess.Popen[str], float]:
    """The server's process, and the seconds until it said that it serves."""
    tokens = directory / "tokens.csv"
    tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    flags = ["--secure-port=0", "--cert-dir", str(directory / "pki"), "--token-auth-file", str(tokens)]
    flags += ["--watchcache-data-dir", str(directory / "data")]
    command = [sys.executable, "-m", "watchcache", "serve", *flags]
    if profile:
        command = ["py-spy", "record", "-o", profile, "--format", "raw", "--", *command]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while True:
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start")
        if " serving " in line:
            process.port = int(line.split("serving ")[1].split()[0].rsplit(":", 1)[1])  # type: ignore[attr-defined]
            return process, time.perf_counter() - started


def lists(process: subprocess.Popen[str], total: int, count: int) -> None:
    """LIST all pods some times, over TLS."""
    client = Http1(process.port, TOKEN)  # type: ignore[attr-defined]
    request = client.head("GET", "/api/v1/pods")
    before, started = cpu(process), time.perf_counter()
    for _ in range(count):
        client.send(request)
        status, size = client.receive()
        assert (status, size > total) == (200, True), (status, size, total)
    seconds, used = (time.perf_counter() - started) / count, (cpu(process) - before) / count
    report(
        "lists",
        count=count,
        megabytes=round(size / 1e6),
        seconds=round(seconds, 3),
        cpu_seconds=round(used, 3),
    )


def main() -> None:
    """Make the directory, start on it twice (the second time files and bytecode are warm), list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--size", type=int, default=2600)
    parser.add_argument("--profile", default="", help="record the start with py-spy into this file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        total = trio.run(fill, directory / "data", chosen.pods, chosen.size)
        for turn in (1, 2):
            process, seconds = start(directory, chosen.profile)
            try:
                times = {"seconds": round(seconds, 2), "cpu_seconds": round(cpu(process), 2)}
                report("ready", turn=turn, pods=chosen.pods, megabytes=round(total / 1e6), **times)
                report("memory", when="ready", **sizes(process, total))
                lists(process, total, 3)
                report("memory", when="after lists", **sizes(process, total))
            finally:
                process.terminate()
                process.wait(30)


def sizes(process: subprocess.Popen[str], total: int) -> dict[str, float]:
    """Resident memory now and at its highest, over the bytes of the values."""
    now, most = memory(process, "VmRSS"), memory(process, "VmHWM")
    return {
        "resident_megabytes": round(now / 1e6),
        "ratio": round(now / total, 3),
        "highest": round(most / total, 3),
    }


if __name__ == "__main__":
    main()
