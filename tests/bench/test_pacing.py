"""Pacing does not hide delay."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from watchcache.bench.pacing import Pace


async def test_times_that_have_passed_are_given_late_but_as_due(autojump_clock: MockClock):
    """After a stall, the work of the stall is due when it was due: its delay counts."""
    start = trio.current_time()
    pace = Pace(1.0)
    dues = [await pace.due() - start for _ in range(2)]
    await trio.sleep(3.5)
    late = [(await pace.due() - start, trio.current_time() - start) for _ in range(4)]
    assert dues == [0.0, 1.0]
    assert late == [(2.0, 4.5), (3.0, 4.5), (4.0, 4.5), (5.0, 5.0)]
