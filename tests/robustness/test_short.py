"""The harness itself, for some seconds, on each version of etcd: everything it does works, and finds nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import etcds

from .check import around, check, figures
from .run import Run, Setting

SECONDS = 12.0
SEED = "short18570"  # kills a server, moves the leader, replaces a member, slows and cuts links, compacts


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("program", etcds.BOTH)
async def test_a_short_run_finds_nothing(program: Callable[[], str | None], tmp_path):
    """Three servers, three members, and the faults of a seed. `python -m tests.robustness` is the long form."""
    binary = program()
    assert binary is not None
    run = Run(Setting(SEED, SECONDS, 3, 3, binary, tmp_path), lambda _text: None)
    history = await run.run()
    found = check(history)
    assert not found, "\n".join(line for violation in found[:3] for line in around(history, violation))
    done = figures(history)
    for what in ("acknowledged", "refused", "gets", "lists", "resumed", "bookmarks", "faults"):
        assert done[what] > 0, done
