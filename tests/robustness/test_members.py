"""A member whose disk is slow."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import trio

from tests import etcds

from .members import Member, wait_healthy

DELAY = 0.3  # seconds, of each fsync


def may_trace() -> bool:
    """Whether strace is there, and allowed to follow a process that is none of its children."""
    if shutil.which("strace") is None:
        return False
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        command = ["strace", "--output=/dev/null", f"--attach={sleeper.pid}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            tracer.terminate()
    finally:
        sleeper.kill()
        sleeper.wait()
    return b"attached" in said


@etcds.needs_etcd
async def test_a_write_waits_for_a_slow_disk(tmp_path: Path) -> None:
    """It takes as long as the disk; when that is released, the member goes on."""
    if not may_trace():
        pytest.skip("no strace, or it may not trace")
    member = Member(0, etcds.binary() or "etcd", tmp_path, syncs=True)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(member.peers.run)
            member.start([member])
            await wait_healthy([member], 30)
            await member.drag(DELAY)
            began = trio.current_time()
            await member.ask("kv/put", {"key": "YQ==", "value": "c2xvdw=="})
            assert trio.current_time() - began >= DELAY
            await member.release()
            read = await member.ask("kv/range", {"key": "YQ=="})
            assert read["kvs"][0]["value"] == "c2xvdw=="
            nursery.cancel_scope.cancel()
    finally:
        member.close()
