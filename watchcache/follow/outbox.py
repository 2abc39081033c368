"""What is to be said on a link, by tasks that must not wait."""

from __future__ import annotations

import trio

from watchcache.follow.link import Link


class Outbox:
    """Frames on their way out: put without waiting, sent by one task, all that gathered meanwhile in one piece."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._frames: list[bytes] = []
        self._waiting = trio.Event()

    def put(self, frame: bytes) -> None:
        """Have a frame sent."""
        self._frames.append(frame)
        self._waiting.set()

    async def run(self) -> None:
        """Send until the link breaks, which whoever receives on it notices and says."""
        while True:
            if not self._frames:
                self._waiting = trio.Event()
                await self._waiting.wait()
            frames, self._frames = b"".join(self._frames), []
            try:
                await self._link.send(frames)
            except trio.BrokenResourceError:
                return
