"""What has ended is freed at once: garbage in cycles stays until it is collected, and pushes out of the caches what is in use."""

import gc

import pytest

from tests.conformance.samples import value
from watchcache.log import Conflict

from .scene import running


async def test_no_call_is_left_to_the_collector(etcd):
    """Neither of a write that was kept or refused, nor of a read."""
    async with running(etcd.url) as log:
        await log.append("k", value("0"), expected=0)
        gc.collect()
        gc.disable()
        try:
            for number in range(20):
                await log.append(f"k{number}", value("1"), expected=0)
                with pytest.raises(Conflict):
                    await log.append("k", value("2"), expected=0)
                assert await log.confirm("k0", log.head("k0").revision)
                await log.newest()
            assert gc.collect() < 20
        finally:
            gc.enable()


async def test_a_refused_write_is_not_taken_for_done(etcd):
    """The error goes with who hears it; who waits for the same ticket again is told that there is nothing to be had."""
    async with running(etcd.url) as log:
        await log.append("k", value("0"), expected=0)
        ticket = log.append_nowait("k", value("1"), expected=0)
        with pytest.raises(Conflict):
            await ticket.wait()
        with pytest.raises(RuntimeError, match="twice"):
            await ticket.wait()
