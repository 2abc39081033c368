"""What admission took: of each plugin and of the whole step, by whether it was rejected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from watchcache.admission.steps import Step


class Slow:
    """Plugins that take as long as they are told, on a clock of their own."""

    def __init__(self) -> None:
        self.now = 0.0

    def plugin(self, seconds: float, *, refuses: bool = False) -> Callable[[str], Awaitable[None]]:
        """One that takes so long, and then has nothing against it, or has."""

        async def ask(_asked: str) -> None:
            self.now += seconds
            if refuses:
                raise PermissionError

        return ask


async def test_each_plugin_counts_with_its_own_time():
    """The step with that of all."""
    slow = Slow()
    step = Step([("one", slow.plugin(0.02)), ("two", slow.plugin(3.0))], lambda: slow.now)
    await step.run("x")
    await step.run("y")
    figures = {took.name: took.accepted for took in step.figures()}
    assert {name: each.sum for name, each in figures.items()} == pytest.approx(
        {"": 6.04, "one": 0.04, "two": 6}
    )
    assert figures["one"].counts == [0, 2, 0, 0, 0, 0, 0]
    assert figures["two"].counts == figures[""].counts == [0, 0, 0, 0, 0, 0, 2]
    assert not any(took.rejected for took in step.figures())


async def test_a_refusal_is_that_plugins_and_the_steps():
    """Who was asked before has accepted; who comes after has not been asked."""
    slow = Slow()
    plugins = [
        ("one", slow.plugin(1.0)),
        ("two", slow.plugin(2.0, refuses=True)),
        ("three", slow.plugin(4.0)),
    ]
    step = Step(plugins, lambda: slow.now)
    with pytest.raises(PermissionError):
        await step.run("x")
    sums = {took.name: (took.accepted.sum, took.rejected.sum) for took in step.figures()}
    assert sums == {"": (0, 3), "one": (1, 0), "two": (0, 2), "three": (0, 0)}


async def test_every_run_is_counted_once_however_many_have_come_together():
    """Asking for the figures counts what has not been counted, and nothing twice."""
    slow = Slow()
    step = Step([("one", slow.plugin(0.02))], lambda: slow.now)
    for runs in (1, 250, 0):
        for _ in range(runs):
            await step.run("x")
        list(step.figures())
    assert [took.accepted.counts for took in step.figures()] == [[0, 251, 0, 0, 0, 0, 0]] * 2


async def test_a_plugin_may_decide_at_once():
    """It is a plain function then, and what it raises is a refusal as any other."""

    def ask(asked: str) -> None:
        if asked == "bad":
            raise PermissionError

    step = Step([("one", ask)], lambda: 0.0)
    await step.run("good")
    with pytest.raises(PermissionError):
        await step.run("bad")
    assert [(sum(took.accepted.counts), sum(took.rejected.counts)) for took in step.figures()] == [(1, 1)] * 2


async def test_a_write_that_is_cancelled_while_a_plugin_waits_was_not_accepted():
    """It is that plugin's refusal; who was asked before has accepted."""

    async def wait(_asked: str) -> None:
        await trio.sleep_forever()

    step = Step([("one", lambda _: None), ("two", wait)], lambda: 0.0)
    with trio.CancelScope() as scope:
        scope.cancel()
        await step.run("x")
    counts = {took.name: (sum(took.accepted.counts), sum(took.rejected.counts)) for took in step.figures()}
    assert counts == {"": (0, 1), "one": (1, 0), "two": (0, 1)}
