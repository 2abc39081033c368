"""What clients that ask again and again have in common."""

from __future__ import annotations

from typing import ClassVar

import trio

from .scene import Scene


class Client:
    """One client, which may ask any server."""

    pause: ClassVar[float]
    """Seconds between two of its requests, at most."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.name = name
        self._scene = scene
        self._random = scene.random(name)
        self._callers = [scene.caller(number) for number in range(len(scene.servers))]

    async def run(self) -> None:
        """Ask until the load is over."""
        while not self._scene.over.is_set():
            await self.step()
            with trio.move_on_after(self._random.random() * self.pause):
                await self._scene.over.wait()

    async def step(self) -> None:
        """One request, of a kind that chance picks."""
        raise NotImplementedError
