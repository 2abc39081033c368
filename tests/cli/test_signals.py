"""Signals to a process that does not serve yet."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (mask,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(mask >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_start_can_be_broken_off(tmp_path: Path, number: signal.Signals, workers: int) -> None:
    """While it waits for an etcd that does not answer: one line, no traceback, and the exit status of a shutdown."""
    command = [sys.executable, "-m", "watchcache", "serve", "--secure-port=0", f"--cert-dir={tmp_path}/pki"]
    command += ["--storage-backend=etcd3", "--etcd-servers=http://127.0.0.1:1"]
    command += [f"--watchcache-data-dir={tmp_path}/data", f"--watchcache-workers={workers}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    deadline = time.monotonic() + 20
    while not catches(server.pid, signal.SIGHUP):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    server.send_signal(number)
    output, errors = server.communicate(timeout=20)
    assert (server.returncode, output) == (0, "")
    *waiting, last = errors.splitlines()
    assert last == "watchcache: stopping before it has served"
    assert all("waiting for etcd" in line for line in waiting)
