"""What a feed and a follower say to each other, and its encoding.

    follower                                   feed
    Subscribe("", 0)                     ->
                                         <-    Heads ..., Loaded       the state at a revision
                                         <-    Events, Events, ...     everything after it, for ever
    Subscribe(epoch, revision)           ->                            a frame was missed: again from here
                                         <-    Resumed, Events ...     or Gone: that can no longer be told
    Ask(number)                          ->
                                         <-    Newest(number, revision)    or why that is not known
    Recall(number, after)                ->
                                         <-    Past(number, ...)       older events than the follower holds
                                         <-    Beat                    every second

Everything goes through one stream in order, so that who has read `Newest` has read the events before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from watchcache.follow.link import frame
from watchcache.log import Event, Head, ReadableLog

# Bytes of values in one frame of a snapshot or of old events: live frames pass between two of them.
PIECE_BYTES = 1 << 20


class Subscribe(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Send everything after `after`; with an empty epoch the state first."""

    epoch: str
    after: int


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Say what the newest revision is."""

    number: int


class Recall(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Send events after `after`, some of them."""

    number: int
    after: int


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event. In `Events` without `prev`: the follower has it, as the head of the key."""

    revision: int
    key: str
    value: bytes
    deleted: bool
    prev: bytes | None
    prev_revision: int
    time: float


class Heads(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A part of the state: key, revision, value, in the order of the keys."""

    heads: list[tuple[str, int, bytes]]


class Loaded(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The state is complete. gap, lost: as of the log (`ReadableLog`)."""

    epoch: str
    revision: int
    oldest: int
    gap: int
    lost: int


class Events(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """All events after revision `after` up to `through`; none when only the revision moved. All those of one revision are in one.

    gap: as of the log; when it has risen, changes between these two revisions are left out, and the state is right.
    """

    after: int
    through: int
    oldest: int
    gap: int
    changes: list[Change]


class Newest(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The answer to `Ask`: everything acknowledged when it was read has this revision or an older one. failure: why it is not known."""

    number: int
    revision: int
    failure: str = ""


class Past(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The answer to `Recall`: the next events, none when there are none up to now, unless they are compacted or cannot be read (`failure`)."""

    number: int
    oldest: int
    changes: list[Change]
    compacted: bool = False
    failure: str = ""


class Beat(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """All is well, or the journal's failure. `sent`: the follower has been sent everything up to here. problems: what else is not well, by name."""

    sent: int
    published: int
    oldest: int
    failure: str
    lost: int
    problems: dict[str, str]


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The feed cannot go on from where the follower is: only the state would help."""

    after: int
    oldest: int


class Resumed(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """What follows begins anew after this revision, as the follower wanted."""

    after: int


Upward = Subscribe | Ask | Recall
Downward = Heads | Loaded | Events | Newest | Past | Beat | Gone | Resumed

_encode = msgspec.msgpack.Encoder().encode
decode_upward = msgspec.msgpack.Decoder(Upward).decode
_downward = msgspec.msgpack.Decoder(Downward)


def decode_downward(payload: bytes) -> Downward:
    """What a feed sent. Raises msgspec.MsgspecError."""
    message: Downward = _downward.decode(payload)
    return message


def framed(message: Upward | Downward) -> bytes:
    """A message as it goes over the stream."""
    return frame(_encode(message))


def change_of(event: Event, *, whole: bool) -> Change:
    """An event for the stream; `whole` for one whose predecessor the follower may not have."""
    prev = event.prev if whole else None
    return Change(
        event.revision, event.key, event.value, event.deleted, prev, event.prev_revision, event.time
    )


def event_of(change: Change, prev: bytes | None) -> Event:
    """The event of a change."""
    return Event(
        change.revision, change.key, change.value, change.deleted, prev, change.prev_revision, change.time
    )


def events_frame(after: int, through: int, log: ReadableLog, events: Sequence[Event]) -> bytes:
    """Live events as one frame, the same for every follower."""
    changes = [change_of(event, whole=False) for event in events]
    return framed(Events(after, through, log.oldest, log.gap, changes))


def pieces(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Events in runs of some `PIECE_BYTES`; those of one revision together."""
    start = size = 0
    for index, event in enumerate(events):
        size += len(event.value) + len(event.prev or b"")
        last = index + 1 == len(events) or events[index + 1].revision > event.revision
        if size >= PIECE_BYTES and last:
            yield events[start : index + 1]
            start, size = index + 1, 0
    if start < len(events):
        yield events[start:]


def head_frames(heads: Sequence[tuple[str, Head]]) -> Iterator[bytes]:
    """The state in frames of some `PIECE_BYTES`."""
    piece: list[tuple[str, int, bytes]] = []
    size = 0
    for key, head in heads:
        piece.append((key, head.revision, head.value))
        size += len(head.value)
        if size >= PIECE_BYTES:
            yield framed(Heads(piece))
            piece, size = [], 0
    if piece:
        yield framed(Heads(piece))
