"""Deadlines on the wheel, without waiting: the time is handed in."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from watchcache.http.wire.budget import Budget
from watchcache.http.wire.wheel import TICK, Alarm, Wheel


async def test_an_alarm_rings_once_within_a_tick_and_never_early(autojump_clock):
    """From its deadline on, at the next turn."""
    wheel, rung = Wheel(), []
    alarm = Alarm(wheel, lambda: rung.append(wheel.now))
    alarm.set(10)
    for tick in range(1, 40):
        wheel.turn(tick * TICK)
    assert len(rung) == 1
    assert 10 <= rung[0] <= 10 + TICK


async def test_an_alarm_for_a_time_counts_from_the_clock(autojump_clock):
    """The wheel's now may be a tick ago, the caller's is not; an infinite time never comes."""
    wheel, rung = Wheel(), []
    alarm, never = Alarm(wheel, lambda: rung.append(wheel.now)), Alarm(wheel, lambda: rung.append(-1))
    alarm.set_at(TICK * 0.9 + 10)
    never.set_at(math.inf)
    for tick in range(1, 40):
        wheel.turn(tick * TICK)
    assert len(rung) == 1
    assert TICK * 0.9 + 10 <= rung[0] <= TICK * 0.9 + 10 + 2 * TICK


async def test_a_moved_alarm_rings_at_its_last_deadline(autojump_clock):
    """Later and earlier moves both hold, and off() means off."""
    wheel, rung = Wheel(), []
    later, earlier, off = (
        Alarm(wheel, lambda name=name: rung.append((name, wheel.now))) for name in ("later", "earlier", "off")
    )
    for alarm in (later, earlier, off):
        alarm.set(5)
    later.set(20)
    earlier.set(1)
    off.off()
    for tick in range(1, 60):
        wheel.turn(tick * TICK)
    assert [(name, int(when)) for name, when in rung] == [("earlier", 1), ("later", 20)]


async def test_a_long_jump_rings_everything_due(autojump_clock):
    """A machine that slept misses nothing."""
    wheel, rung = Wheel(), []
    alarms = [Alarm(wheel, lambda n=n: rung.append(n)) for n in range(50)]
    for number, alarm in enumerate(alarms):
        alarm.set(number)
    wheel.turn(30)
    assert sorted(rung) == list(range(31)) or sorted(rung) == list(range(30))
    wheel.turn(100)
    assert sorted(rung) == list(range(50))


async def test_a_failing_action_does_not_stop_the_wheel(autojump_clock, caplog):
    """The other alarms of the turn ring."""
    wheel, rung = Wheel(), []
    alarms = [Alarm(wheel, lambda: 1 / 0), Alarm(wheel, lambda: rung.append(1))]
    for alarm in alarms:
        alarm.set(1)
    wheel.turn(5)
    assert rung == [1]
    assert "ZeroDivisionError" in caplog.text


async def test_a_dropped_alarm_is_forgotten_at_once(autojump_clock):
    """The wheel keeps nothing of a connection that ended."""
    wheel = Wheel()
    alarm = Alarm(wheel, lambda: None)
    alarm.set(90)
    alarm.drop()
    assert not any(wheel._slots.values())


@given(st.integers(1, 20), st.floats(0.1, 10), st.lists(st.floats(0, 5), max_size=60))
def test_a_budget_allows_its_size_and_rate_and_no_more(size, rate, waits):
    """Over any time, at most the size and the rate's share are granted."""
    budget, now, granted = Budget((size, rate), 0.0), 0.0, 0
    for wait in waits:
        now += wait
        granted += budget.spend(now)
        assert granted <= size + now * rate + 1e-6
