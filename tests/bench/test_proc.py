"""What is read of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from watchcache.bench.proc import Sampler, descriptors, size_of

PARENT = """
import subprocess, sys
def child():
    made = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    made.stdout.readline()
    return made
children = [child(), child()]
print(flush=True)
input()
children[0].kill(); children[0].wait()
children.append(child())
print(flush=True)
input()
for one in children:
    one.kill()
"""


def test_descendants_have_names_of_their_own():
    """Numbered; who takes another's place takes its name."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        sampler = Sampler()
        sampler.watch("server", process.pid, children="worker")
        first = sampler.sample()
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        second = sampler.sample()
        process.stdin.write(b"\n")
    assert set(first) == set(second) == {"server", "server worker 1", "server worker 2"}
    assert all(one.memory > 1_000_000 and one.descriptors >= 3 for one in second.values())


def test_open_descriptors_are_counted():
    """One more when one is opened; none of a process that there is not."""
    before = descriptors(os.getpid())
    with Path(os.devnull).open():
        assert descriptors(os.getpid()) == before + 1
    assert descriptors(2**22 + 1) == 0


def test_the_size_of_a_directory_is_that_of_its_files(tmp_path: Path):
    """However deep."""
    tmp_path.joinpath("a", "b").mkdir(parents=True)
    tmp_path.joinpath("one").write_bytes(bytes(10))
    tmp_path.joinpath("a", "b", "two").write_bytes(bytes(32))
    assert size_of(tmp_path) == 42
