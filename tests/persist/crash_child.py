"""Runs workloads that end at a fault point, each in a process of its own; started by test_crashes.py.

Arguments: a directory. From stdin: a JSON list of cases `{name, arm: [[point, fault, skip], ...], then: [...]}`. Each case
gets the directory `<directory>/<name>/data`, is told `arm` to its disk, and writes each acknowledged event
as a JSON line to `<directory>/<name>/acknowledged`, unbuffered. With `then`, a second process starts on what the first left. The
exit statuses go to stdout. One interpreter forks them all: starting one for each would take most of the time.
"""

import errno
import json
import os
import sys
from pathlib import Path

import trio

from watchcache.log import Log
from watchcache.persist import FileJournal, Retention
from watchcache.persist.faults import FaultyDisk, crash, fail

sys.path.insert(0, str(Path(__file__).parent))
from samples import stamp, value

FAULTS = {"crash": crash, "full": fail(errno.ENOSPC), "broken": fail(errno.EIO)}


async def workload(directory: Path, disk: FaultyDisk, acknowledged: int) -> None:
    """Five writers, each with keys of its own, until all is written or the process is gone."""
    journal = FileJournal(
        directory, disk=disk, segment_bytes=1500, snapshot_bytes=3000, retention=Retention(revisions=20)
    )
    log = Log(journal, stamp=stamp)
    await log.open()

    async def write(writer: int) -> None:
        for number in range(30):
            key = f"k{writer}-{number % 3}"
            gone = log.head(key) is not None and number % 4 == 3
            event = await log.append(key, None if gone else value(f"{number:060}"))
            line = {
                "revision": event.revision,
                "key": key,
                "deleted": event.deleted,
                "value": event.value.decode(),
            }
            os.write(acknowledged, json.dumps(line).encode() + b"\n")

    async with trio.open_nursery() as nursery:
        await nursery.start(log.run)
        async with trio.open_nursery() as writing:
            for writer in range(5):
                writing.start_soon(write, writer)
        await log.close()


def run(place: Path, arm: list[tuple[str, str, int]]) -> None:
    """The child's life."""
    disk = FaultyDisk()
    for point, fault, skip in arm:
        disk.arm(point, FAULTS[fault], skip=skip)
    acknowledged = os.open(place / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    trio.run(workload, place / "data", disk, acknowledged)


def in_child(place: Path, arm: list[tuple[str, str, int]]) -> int:
    """The exit status of a process that does it: 113 when it crashed at a point, 0 when it met none, 1 on an error."""
    child = os.fork()
    if not child:
        status = 1
        try:
            run(place, arm)
            status = 0
        except BaseException as error:
            (place / "error").write_text(repr(error))
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    statuses = {}
    for case in json.load(sys.stdin):
        place = Path(sys.argv[1], case["name"])
        place.mkdir()
        statuses[case["name"]] = [in_child(place, arm) for arm in (case["arm"], case["then"]) if arm]
    json.dump(statuses, sys.stdout)
