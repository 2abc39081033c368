"""Frames: whole ones are read, others are found, and a torn end is told from damage."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchcache.persist.file.frames import HEADER, MAGIC, Damaged, frame, later_commit, scan
from watchcache.persist.file.segment import read_frames

COMMITS = st.lists(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=3), min_size=1, max_size=6
)


def written(commits: list[list[bytes]]) -> tuple[bytes, list[int]]:
    """A file of some commits, and the offset of each."""
    data, offsets = b"", []
    for payloads in commits:
        offsets.append(len(data))
        data += b"".join(frame(payload, offsets[-1]) for payload in payloads)
    return data, offsets


def read(data: bytes) -> list[bytes]:
    """The payloads of all frames."""
    return [bytes(payload) for _, payload in read_frames(io.BytesIO(data))]


def damaged_for_sure(data: bytes) -> bool:
    """Whether the first frame that is not whole is followed by a later commit."""
    first = next((found.offset for found in scan(data) if isinstance(found, Damaged)), None)
    return first is not None and later_commit(data[first:], first) is not None


@given(COMMITS)
def test_what_was_written_is_read(commits):
    """Frames come back in order and byte for byte."""
    data, _ = written(commits)
    assert read(data) == [payload for payloads in commits for payload in payloads]
    assert [bytes(found[1]) for found in scan(data)] == read(data)


@given(COMMITS, st.data())
def test_a_cut_file_is_torn_wherever_it_is_cut(commits, data):
    """Whatever length a crash leaves, what follows the last whole frame is no later commit."""
    file, _ = written(commits)
    cut = data.draw(st.integers(0, len(file)))
    assert not damaged_for_sure(file[:cut])


@given(COMMITS, st.data())
def test_a_changed_byte_is_found_and_told_from_a_torn_end(commits, data):
    """It is damage when a later commit follows, and could be a torn write in the last."""
    file, offsets = written(commits)
    at = data.draw(st.integers(0, len(file) - 1))
    changed = bytearray(file)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Damaged) as damage:
        read(bytes(changed))
    offset = damage.value.offset
    assert offset <= at
    found = later_commit(bytes(changed[offset:]), offset)
    assert (found is None) == (at >= offsets[-1])
    assert found is None or found in offsets


@given(COMMITS, st.data())
def test_a_commit_torn_in_any_order_is_a_torn_end(commits, data):
    """Blocks of one commit reach the disk in any order: a hole in the last commit is not damage."""
    file, offsets = written(commits)
    start = data.draw(st.integers(offsets[-1], len(file) - 1))
    end = data.draw(st.integers(start + 1, len(file)))
    holed = file[:start] + bytes(end - start) + file[end:]
    assert not damaged_for_sure(holed)


def test_scanning_goes_on_behind_damage():
    """Every whole frame is found, and each gap is named once."""
    data, _ = written([[b"one"], [b"two"], [b"three"]])
    second = HEADER.size + 3
    changed = data[: second + 1] + b"?" + data[second + 2 :]
    found = list(scan(changed))
    assert [type(each) is Damaged for each in found] == [False, True, False]
    assert isinstance(found[1], Damaged)
    assert found[1].offset == second


def test_an_impossible_length_is_damage_and_no_allocation():
    """A length beyond any frame is not believed."""
    header = HEADER.pack(MAGIC, 0xFFFFFFF0, 0, 0)
    with pytest.raises(Damaged, match="impossible"):
        read(header + b"x" * 100)
