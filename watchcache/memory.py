"""The memory of a process that runs for months: when garbage is collected, one heap, and its holes given back to the system."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from contextlib import suppress

import trio

_M_ARENA_MAX = -8  # glibc's <malloc.h>
_PAUSE = 60.0
_SHARE = 1 / 20_000


def settle_memory() -> None:
    """Begin to collect garbage, and not in what was loaded: that lives as long as the server.

    With 150,000 pods a full collection would otherwise stop the server for a good part of a second. What the start left
    to collect is so little (no difference in resident memory) that finding it (20 ms) is not worth the wait.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def use_one_heap() -> None:
    """Have all threads allocate from one heap where malloc is glibc's; to be called before there are threads.

    Else each thread has a heap of its own, so as not to wait for others, which under the interpreter's lock it never does. What a
    thread of the journal allocates lives on after it and is freed by the event loop: the holes stay in that thread's heap, and nobody else fills them.
    """
    _tell_malloc("mallopt", _M_ARENA_MAX, 1)


def trim_heap() -> None:
    """Give the whole pages of the heap's holes back to the system where malloc is glibc's (malloc_trim(3))."""
    _tell_malloc("malloc_trim", 0)


def _tell_malloc(function: str, *numbers: int) -> None:
    with suppress(AttributeError, OSError):  # another malloc
        getattr(ctypes.CDLL(None), function)(*numbers)


async def keep_heap_trimmed(
    trim: Callable[[], None] = trim_heap, now: Callable[[], float] = time.perf_counter
) -> None:
    """Trim the heap again and again; ends only when cancelled.

    Events live for minutes among buffers that live for microseconds; what they leave is too small for what comes next, and malloc takes
    more from the system. Nothing else runs while it trims (1.5 ms at 70 MB, 30 to 80 ms from 400 MB on), so the longer
    it took the longer it waits: at most a 20,000th of the time goes there.
    """
    pause = _PAUSE
    while True:
        await trio.sleep(pause)
        begun = now()
        trim()
        pause = max(_PAUSE, (now() - begun) / _SHARE)
