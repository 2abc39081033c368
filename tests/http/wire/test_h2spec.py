"""The outside judge: h2spec, when the environment variable H2SPEC names its binary."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
import trio

from watchcache.http.wire import Limits

from .scene import running

BINARY = os.environ.get("H2SPEC")
# h2spec sends a frame of 17 KB and calls it too long whatever the server's SETTINGS say
LIMITS = Limits(frame_bytes=16384)
# in clear its broken preface is an HTTP/1.1 request to us, answered as such; through TLS it passes
IN_CLEAR = {"2: Sends invalid connection preface"}


@pytest.mark.slow
@pytest.mark.skipif(BINARY is None, reason="H2SPEC does not name the h2spec binary")
@pytest.mark.usefixtures("framing")
async def test_h2spec_finds_nothing():
    """All of h2spec's tests pass, but the one that is not about HTTP/2."""
    async with running(LIMITS) as scene:
        host, port = scene.server.addresses[0]
        command = [str(BINARY), "-h", host, "-p", str(port), "-o", "2"]
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.STDOUT, check=False)
    report = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert set(re.findall(r"× (.*)", report)) <= IN_CLEAR
    assert re.search(r"145 tests, 14[45] passed", report)
