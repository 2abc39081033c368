"""Bodies in blocks: cut or joined to a size at which neither the calls nor the waiting of others costs much."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence

import trio

BLOCK = 64 * 1024  # four TLS records; 40 us of encryption during which nobody else runs


def size_of(body: bytes | Sequence[bytes]) -> int:
    """The bytes of a body."""
    return len(body) if isinstance(body, bytes) else sum(map(len, body))


def whole(body: bytes | Sequence[bytes]) -> bytes:
    """A small body in one piece."""
    return body if isinstance(body, bytes) else b"".join(body)


def pieces(body: bytes | Sequence[bytes], size: int = BLOCK) -> Iterator[bytes | memoryview]:
    """The body in blocks of about `size` bytes: list items joined, large ones cut without a copy."""
    waiting: list[bytes] = []
    held = 0
    for part in (body,) if isinstance(body, bytes) else body:
        if held + len(part) > size and waiting:
            yield b"".join(waiting)
            waiting, held = [], 0
        if len(part) > size:
            view = memoryview(part)
            for start in range(0, len(part), size):
                yield view[start : start + size]
        else:
            waiting.append(part)
            held += len(part)
    if waiting:
        yield b"".join(waiting)


async def close_blocks(blocks: AsyncIterator[bytes]) -> None:
    """Let a generator clean up now and not when it is collected; it gets a second."""
    close = getattr(blocks, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception), trio.move_on_after(1, shield=True):
            await close()
