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
    """The body in blocks of `size` bytes: small parts joined and filled up, large ones cut without a copy."""
    waiting: list[bytes | memoryview] = []
    held = 0
    for part in (body,) if isinstance(body, bytes) else body:
        view = memoryview(part)
        if waiting and held + len(part) > size:
            yield b"".join([*waiting, view[: size - held]])
            view, waiting, held = view[size - held :], [], 0
        start = 0
        while len(view) - start > size:
            yield view[start : start + size]
            start += size
        if start < len(view):
            waiting.append(view[start:])
            held += len(view) - start
    if waiting:
        yield b"".join(waiting) if len(waiting) > 1 else waiting[0]


async def close_blocks(blocks: AsyncIterator[bytes]) -> None:
    """Let a generator clean up now and not when it is collected; it gets a second."""
    close = getattr(blocks, "aclose", None)
    if close is not None:
        with contextlib.suppress(Exception), trio.move_on_after(1, shield=True):
            await close()
