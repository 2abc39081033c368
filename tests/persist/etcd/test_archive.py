"""The files of history by themselves: whatever was cut off them, what they give back is what was put in, and nothing is in part."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.samples import stamp, value
from watchcache.log import Compacted, Event, Head
from watchcache.persist import Retention
from watchcache.persist.etcd.archive import Archive
from watchcache.persist.etcd.lineage import contradiction
from watchcache.persist.etcd.remains import HistoryFile, Remains, Source
from watchcache.persist.etcd.state import Stored
from watchcache.persist.file.segment import Segment

SOURCE = Source("c", "e", "/registry/")
KEYS = st.sampled_from("abcd")
# A commit: revisions, each with the keys that it changes (True: deletes), and how much further the revision moves without us.
COMMITS = st.lists(
    st.tuples(st.lists(st.dictionaries(KEYS, st.booleans(), min_size=1), max_size=3), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


def events_of(commits) -> tuple[list[tuple[list[Event], int]], list[Event]]:
    """The commits as events with the revision that they reach, and all events."""
    state: dict[str, Head] = {}
    revision, batches, everything = 10, [], []
    for changes, idle in commits:
        batch = []
        for changed in changes:
            revision += 1
            for key, gone in changed.items():
                before = state.pop(key, None)
                if gone and before is None:
                    continue
                new = stamp(before.value if gone and before else value(f"{key}{revision}"), revision)
                prev, at = (before.value, before.revision) if before else (None, 0)
                batch.append(Event(revision, key, new, gone, prev, at, 1000.0))
                if not gone:
                    state[key] = Head(revision, new)
        revision += idle
        batches.append((batch, revision))
        everything += batch
    return batches, everything


def cut_off(directory: Path, count: int) -> None:
    """Take bytes off the end of the newest file."""
    newest = max(directory.glob("*.events"))
    data = newest.read_bytes()
    newest.write_bytes(data[: max(len(data) - count, 0)])


async def read_all(archive: Archive, after: int) -> list[Event]:
    """What can be read after a revision."""
    found: list[Event] = []
    while piece := await archive.read(after, archive.reached):
        found += piece
        after = found[-1].revision
    return found


@settings(deadline=None, max_examples=60)
@given(COMMITS, st.integers(0, 400), st.integers(150, 700))
def test_what_is_left_of_the_files_is_whole(commits, cut, segment_bytes):
    """Cut the newest file anywhere: all up to some commit is there, from any revision, and writing goes on from it."""
    batches, everything = events_of(commits)
    directory = Path(tempfile.mkdtemp())

    async def scenario() -> None:
        archive = Archive(directory, segment_bytes=segment_bytes)
        assert await archive.open(stamp) is None
        await archive.begin(SOURCE, 10)
        for batch, through in batches:
            await archive.append(batch, through, 1000.0)
        assert await read_all(archive, 10) == everything
        archive.close()
        cut_off(directory, cut)
        archive = Archive(directory, segment_bytes=segment_bytes)
        found = await archive.open(stamp)
        assert found is not None
        if not archive.segments:
            return  # not even its header is left of the only one
        reached = archive.reached
        assert reached in {10, *(through for _, through in batches)}
        kept = [event for event in everything if event.revision <= reached]
        assert await read_all(archive, 10) == kept
        rest = [event for event in everything if event.revision > reached]
        if rest:
            await archive.append(rest, rest[-1].revision, 1000.0)
        for after in {10, *(event.revision for event in everything)}:
            assert await read_all(archive, after) == [e for e in everything if e.revision > after]
        archive.close()

    try:
        trio.run(scenario)
    finally:
        shutil.rmtree(directory)


async def test_retention_drops_whole_files(tmp_path):
    """By bytes; what is dropped is refused."""
    batches, everything = events_of([([{"a": False}], 0)] * 60)
    archive = Archive(tmp_path / "h", segment_bytes=400, retention=Retention(bytes=2000))
    await archive.open(stamp)
    await archive.begin(SOURCE, 10)
    for batch, through in batches:
        await archive.append(batch, through, 1000.0)
    assert archive.bytes < 3000
    assert 10 < archive.oldest < archive.reached
    with pytest.raises(Compacted):
        await archive.read(archive.oldest - 1, archive.reached)
    assert await read_all(archive, archive.oldest) == [e for e in everything if e.revision > archive.oldest]
    archive.close()


def remains(latest: dict[str, tuple[int, Head | None]]) -> Remains:
    """History of revisions 11 to 20."""
    return Remains(HistoryFile(1, "i", SOURCE), [Segment(10, 20, 0.0, 0)], 10, latest, [])


@pytest.fixture
def found():
    """A key that was written, one that was deleted."""
    return remains({"written": (15, Head(15, b"w")), "deleted": (16, None)})


@pytest.mark.parametrize(
    ("pairs", "wrong"),
    [
        ({"written": (5, 15, b"w")}, ""),
        ({"written": (5, 25, b"later")}, ""),
        ({}, ""),  # deleted since
        ({"written": (15, 15, b"w"), "deleted": (21, 21, b"again"), "other": (3, 9, b"old")}, ""),
        ({"written": (5, 15, b"another")}, "written"),
        ({"written": (5, 14, b"w")}, "written"),
        ({"written": (5, 9, b"w")}, "written"),
        ({"deleted": (5, 9, b"d")}, "deleted"),
        ({"deleted": (5, 25, b"d")}, "deleted"),
        ({"other": (3, 12, b"o")}, "other"),
    ],
)
def test_what_etcd_has_must_follow_from_what_was_seen(found, pairs, wrong):
    """A state (created, written, value) of some keys at a revision after 20."""
    stored = {key: Stored(created, Head(at, data)) for key, (created, at, data) in pairs.items()}
    assert contradiction(found, stored) == wrong
