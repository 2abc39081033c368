"""The plan of faults."""

from __future__ import annotations

import pytest

from .plan import CALM, KINDS, QUIET, SLOW_DISKS, plan, with_restore


def test_it_follows_from_the_seed():
    """The same for the same, another for another."""
    assert plan("7", 120, 3, 3) == plan("7", 120, 3, 3)
    assert plan("7", 120, 3, 3) != plan("8", 120, 3, 3)


@pytest.mark.parametrize("seed", range(20))
def test_one_fault_at_a_time_on_each(seed: int):
    """No process or link has two; all end with the run."""
    steps = plan(str(seed), 120, 3, 3, (*KINDS, *SLOW_DISKS))
    assert steps
    until: dict[str, float] = {}
    for step in steps:
        assert step.at < 120 - QUIET
        assert step.at + step.seconds <= 120.02
        for target in step.targets:
            assert until.get(target, 0.0) <= step.at
            until[target] = step.at + step.seconds


def test_every_kind_comes():
    """Over some seeds."""
    found = {step.what for seed in range(20) for step in plan(str(seed), 120, 3, 3)}
    assert found == {kind.what for kind in KINDS}


@pytest.mark.parametrize("seed", range(20))
def test_a_restore_has_its_time_for_itself(seed: int):
    """Whatever else is planned is over before, or begins when the servers have had time to end and start again."""
    steps = with_restore(plan(str(seed), 60, 3, 3), str(seed), 60)
    (restore,) = [each for each in steps if each.what == "restore"]
    assert restore.at + restore.seconds + CALM < 60
    for step in steps:
        if step is not restore:
            assert step.at + step.seconds < restore.at or step.at > restore.at + restore.seconds + CALM


def test_slow_disks_come_when_they_can():
    """They need members that sync."""
    steps = [step for seed in range(20) for step in plan(str(seed), 120, 3, 3, (*KINDS, *SLOW_DISKS))]
    assert {len(step.targets) for step in steps if step.what == "drag"} == {1, 2}
    assert any(step.targets == ("leader",) for step in steps if step.what == "drag")
