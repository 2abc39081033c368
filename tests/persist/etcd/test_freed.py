"""What has ended is freed at once: garbage in cycles stays until it is collected, and pushes out of the caches what is in use."""

import gc
from collections import Counter

import pytest

from tests.conformance.samples import value
from watchcache.log import Conflict

from .scene import running


def garbage() -> Counter[str]:
    """What waits for the collector, by its type's module: other threads of the tests leave some too."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return Counter(type(one).__module__ for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


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
            assert not [
                one for one in garbage() if one.startswith(("watchcache.log", "watchcache.persist.etcd"))
            ]
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
