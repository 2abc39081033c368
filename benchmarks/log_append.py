"""Appends a second, in memory and on file, and how long a restart with 150,000 values takes; one JSON line each.

    python -m benchmarks.log_append [--quick] [--directory DIR]

Values are unparsed bytes of the given size with a resourceVersion in front, so what is measured is the log and its
journal, nothing of Kubernetes. The file figures depend on the directory's disk: every group is synced.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

from watchcache.log import Journal, Log
from watchcache.persist import FileJournal, MemoryJournal

PREFIX = b'{"metadata":{"resourceVersion":"'


def stamp(value: bytes, revision: int) -> bytes:
    """Put a revision in."""
    return b"%b%d%b" % (PREFIX, revision, value[value.index(b'"', len(PREFIX)) :])


def value_of(size: int) -> bytes:
    """A value of about `size` bytes."""
    return PREFIX + b'","name":"x"},"spec":"' + b"x" * (size - 60) + b'"}'


async def appends(journal: Journal, writers: int, seconds: float) -> dict[str, float]:
    """Appends a second of 1.2 KB values, each writer waiting for its own."""
    log = Log(journal, stamp=stamp)
    await log.open()
    value, latencies = value_of(1200), []

    async def write(number: int) -> None:
        turn = 0
        while time.perf_counter() < end:
            started = time.perf_counter()
            await log.append(f"pods/default/p-{number}-{turn % 1000}", value)
            latencies.append(time.perf_counter() - started)
            turn += 1

    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        started, cpu = time.perf_counter(), time.process_time()
        end = started + seconds
        async with trio.open_nursery() as writing:
            for number in range(writers):
                writing.start_soon(write, number)
        elapsed, used = time.perf_counter() - started, time.process_time() - cpu
        stats = log.stats()
        await log.close()
    latencies.sort()
    return {
        "appends_per_second": round(len(latencies) / elapsed),
        "cpu_microseconds": round(1e6 * used / len(latencies), 1),
        "p50_ms": round(1e3 * latencies[len(latencies) // 2], 3),
        "p99_ms": round(1e3 * latencies[len(latencies) * 99 // 100], 3),
        "events_per_commit": round(stats.journal.events / stats.journal.commits, 1),
    }


async def fill(directory: Path, objects: int, size: int, snapshot: bool) -> None:
    """Write a directory with that many keys; with `snapshot` the state is in one, else in segments."""
    log = Log(FileJournal(directory, snapshot_bytes=1 << 40), stamp=stamp, ring_bytes=1 << 20)
    await log.open()
    value = value_of(size)
    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        for number in range(objects):
            ticket = log.append_nowait(f"pods/namespace-{number % 100}/pod-{number:08}", value)
            if number % 1000 == 999:
                await ticket.wait()
        if snapshot:
            await log._journal.snapshot(log.published, dict(log.heads("")))
        await log.close()


RESTART = """
import json, os, sys, time, trio
from benchmarks.log_append import stamp
from watchcache.log import Log
from watchcache.persist import FileJournal

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

async def main():
    before = resident()
    started, cpu = time.perf_counter(), time.process_time()
    log = Log(FileJournal(sys.argv[1]), stamp=stamp)
    await log.open()
    elapsed, used = time.perf_counter() - started, time.process_time() - cpu
    size = sum(len(head.value) for _, head in log.heads(""))
    grown = resident() - before
    print(json.dumps({"seconds": round(elapsed, 2), "cpu_seconds": round(used, 2), "keys": log.stats().keys,
                      "value_megabytes": round(size / 1e6), "resident_per_value_byte": round(grown / size, 3)}))
    await log.close()

trio.run(main)
"""


def restart(directory: Path) -> dict[str, float]:
    """Open a filled directory in a process of its own."""
    done = subprocess.run([sys.executable, "-c", RESTART, str(directory)], check=True, capture_output=True)
    return dict(json.loads(done.stdout))


def report(name: str, **figures: object) -> None:
    """One line."""
    print(json.dumps({"benchmark": name, **figures}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, and with a tenth of the objects")
    parser.add_argument(
        "--directory", type=Path, help="where to put the data directories (default: a temporary one)"
    )
    options = parser.parse_args()
    seconds, objects = (0.5, 15_000) if options.quick else (3.0, 150_000)
    with tempfile.TemporaryDirectory(dir=options.directory) as scratch:
        for writers in (16, 64):
            report("append.memory", writers=writers, **trio.run(appends, MemoryJournal(), writers, seconds))
            journal = FileJournal(Path(scratch, f"appends-{writers}"))
            report("append.file", writers=writers, **trio.run(appends, journal, writers, seconds))
        for kind in ("segments", "snapshot"):
            directory = Path(scratch, kind)
            trio.run(fill, directory, objects, 2600, kind == "snapshot")
            report(f"restart.{kind}", **restart(directory))


if __name__ == "__main__":
    main()
