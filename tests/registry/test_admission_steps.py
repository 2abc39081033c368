"""What admission took: of each plugin and of the whole step, by whether it was rejected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

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
