"""A process that ends at each fault point: every acknowledged write is there afterwards, in order."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from watchcache.persist import check_directory
from watchcache.persist.faults import CRASHED, POINTS

from .directories import history, opened, state_of

# Points that a running server passes; those of recovery need something to recover from first.
TORN = [["segment.write.middle", "crash", 5]]
FULL = ["segment.write.middle", "full", 5]
FIRST: dict[str, list] = {
    "recovery.truncate.before": TORN,
    "recovery.truncate.after": TORN,
    "recovery.sync.before": TORN,
    "recovery.sync.after": TORN,
    "recovery.sync_directory.before": TORN,
    "recovery.sync_directory.after": TORN,
    "recovery.unlink.before": [["roll.write.middle", "crash", 2]],
    "recovery.unlink.after": [["roll.write.middle", "crash", 2]],
}


def case(point: str, skip: int) -> dict:
    """How to have a process end at a point."""
    here = [point, "crash", skip]
    if point in FIRST:
        return {"name": f"{point}-{skip}", "arm": FIRST[point], "then": [here]}
    arm = [FULL, here] if point.startswith("segment.truncate") else [here]
    return {"name": f"{point}-{skip}", "arm": arm, "then": []}


ONCE = ("format", "recovery", "segment.truncate")
CASES = [case(point, skip) for point in POINTS for skip in (0, 1) if not (skip and point.startswith(ONCE))]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory) -> tuple[Path, dict[str, list[int]]]:
    """The directories that all cases left, and their exit statuses."""
    place = tmp_path_factory.mktemp("crashes")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("crash_child.py")), str(place)],
        input=json.dumps(CASES).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=100,
    )
    return place, json.loads(done.stdout)


@pytest.mark.parametrize("name", [case["name"] for case in CASES])
async def test_every_acknowledged_write_survives(crashed, name):
    """After a crash at the point the directory is sound, starts, and holds what was acknowledged."""
    place, statuses = crashed
    assert statuses[name][-1] == CRASHED, "the workload passes the point"
    acknowledged = [json.loads(line) for line in (place / name / "acknowledged").read_bytes().splitlines()]
    data = place / name / "data"
    if (data / "FORMAT").exists():
        assert check_directory(data).sound
    async with opened(data) as log:
        events = await history(log, log.oldest)
        revisions = [event.revision for event in events]
        assert revisions == list(range(log.oldest + 1, log.revision + 1))
        found = {event.revision: (event.key, event.deleted, event.value.decode()) for event in events}
        for line in acknowledged:
            if line["revision"] > log.oldest:
                assert found[line["revision"]] == (line["key"], line["deleted"], line["value"])
        newest = {line["key"]: line for line in sorted(acknowledged, key=lambda line: line["revision"])}
        for key, line in newest.items():
            assert_not_older(log.head(key), line, [event for event in events if event.key == key])
    assert check_directory(data).faults == []


def assert_not_older(head, line, events) -> None:
    """A key is as it was acknowledged, or as a later write, which no one was told about, left it."""
    later = [event for event in events if event.revision > line["revision"]]
    if later:
        assert ({events[-1].key: head} if head else {}) == state_of(later[-1:])
    elif line["deleted"]:
        assert head is None
    else:
        assert (head.revision, head.value.decode()) == (line["revision"], line["value"])
