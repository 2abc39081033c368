"""Snapshots: the state at one revision, so that a start need not read the events before it.

A snapshot is written aside and renamed when it is on the disk, so one that has its name was whole. It is made from a copy of the
heads, beside running commits: the copy never changes, and its values are the very bytes that the server holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import msgspec

from watchcache.log import Head
from watchcache.persist.file.disk import Disk
from watchcache.persist.file.frames import TARGET_PAYLOAD, Damaged, frame
from watchcache.persist.file.records import (
    Item,
    SnapshotHeader,
    encoder,
    item_decoder,
    snapshot_header_decoder,
)
from watchcache.persist.file.segment import READ_AHEAD, read_frames

PURPOSE = "snapshot"


def write_snapshot(
    disk: Disk, path: Path, header: SnapshotHeader, heads: Mapping[str, Head], proceed: Callable[[], None]
) -> int:
    """Write the state at `header.revision` and return the file's length. `proceed` may raise to give up."""
    return disk.write_aside(path, _pieces(header, heads, proceed), PURPOSE)


def _pieces(
    header: SnapshotHeader, heads: Mapping[str, Head], proceed: Callable[[], None]
) -> Iterator[bytes]:
    yield frame(encoder.encode(header), 0)
    items: list[Item] = []
    size = 0
    for key, head in heads.items():
        items.append(Item(key, head.revision, head.value))
        size += len(head.value) + len(key)
        if size >= TARGET_PAYLOAD:
            yield frame(encoder.encode(items), 0)
            items, size = [], 0
            proceed()
            time.sleep(0)  # lets the event loop have the interpreter: a frame takes some 0.3 ms
    if items:
        yield frame(encoder.encode(items), 0)


def read_snapshot(path: Path) -> tuple[SnapshotHeader, dict[str, Head]]:
    """Return what a snapshot holds. Raises Damaged, OSError."""
    heads: dict[str, Head] = {}
    with path.open("rb", buffering=READ_AHEAD) as file:
        header, batches = read_items(file)
        for items in batches:
            for item in items:
                heads[item.key] = Head(item.revision, item.value)
    return header, heads


def read_items(file: BinaryIO) -> tuple[SnapshotHeader, Iterator[list[Item]]]:
    """Return a snapshot's header, and its items in batches. Both raise Damaged, OSError."""
    frames = read_frames(file)
    header = _header(next(frames, None))
    return header, _counted(frames, header.count)


def _counted(frames: Iterator[tuple[int, memoryview]], count: int) -> Iterator[list[Item]]:
    found = offset = 0
    for offset, payload in frames:
        items = _items(offset, payload)
        found += len(items)
        yield items
    if found != count:
        raise Damaged(offset, f"{count} keys were written, {found} are here")


def _header(first: tuple[int, memoryview] | None) -> SnapshotHeader:
    if first is None:
        raise Damaged(0, "the file is empty")
    try:
        return snapshot_header_decoder.decode(first[1])
    except msgspec.DecodeError as error:
        raise Damaged(0, f"the snapshot's header cannot be read ({error})") from error


def _items(offset: int, payload: memoryview) -> list[Item]:
    try:
        return item_decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise Damaged(offset, f"the checksum is right, but its items cannot be read ({error})") from error
