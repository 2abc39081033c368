"""The server as a process."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

THREADS = """
import ctypes, sys, threading
if "one" in sys.argv:
    from watchcache.process import use_one_heap
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
