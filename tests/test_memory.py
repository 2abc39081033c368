"""The memory of a process."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from watchcache.memory import keep_heap_trimmed, trim_heap

THREADS = """
import ctypes, sys, threading
if "one" in sys.argv:
    from watchcache.memory import use_one_heap
    use_one_heap()
done = threading.Barrier(4)
def allocate():
    kept = [bytearray(20_000) for _ in range(10)]
    done.wait()
for thread in (threads := [threading.Thread(target=allocate) for _ in range(4)]):
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(out := libc.fdopen(1, b"w")))
libc.fflush(ctypes.c_void_p(out))
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="needs glibc's malloc")
def test_the_threads_of_a_server_share_one_heap() -> None:
    """Without the call this program has a heap for each of its four threads beside the first."""

    def heaps(*arguments: str) -> int:
        command = [sys.executable, "-c", THREADS, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("<heap nr=")

    assert heaps("one") == 1
    assert heaps() > 1


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc's malloc")
def test_the_holes_of_the_heap_go_back_to_the_system() -> None:
    """Every other block of many is freed: their pages are taken until the heap is trimmed."""
    blocks = [bytearray(100_000) for _ in range(1_000)]
    for block in blocks:
        block[::4096] = b"x" * len(block[::4096])
    del blocks[::2]
    before = resident()
    trim_heap()
    assert resident() < before - 30_000_000


def resident() -> int:
    """The bytes this process holds."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss:"))


async def test_a_heap_that_takes_long_to_trim_is_trimmed_seldom(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A minute apart as long as it takes up to 3 ms; 1,600 s after 80 ms."""
    took, watch, times = iter((0.001, 0.08, 0.002, 0.002)), [0.0], []
    begun = trio.current_time()

    def trim() -> None:
        times.append(trio.current_time() - begun)
        watch[0] += next(took)

    with trio.move_on_after(1_800):
        await keep_heap_trimmed(trim, lambda: watch[0])
    assert times == pytest.approx([60, 120, 1720, 1780])
