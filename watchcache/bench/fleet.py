"""The load processes as the coordinator sees them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio

from watchcache.bench.channel import Channel
from watchcache.bench.problems import BenchProblem

Plain = dict[str, Any]

_FAREWELL = 5.0  # seconds for a load process to end by itself


class Fleet:
    """Starts the processes, tells them what to do, and hands their reports to `measured`."""

    def __init__(self, count: int, measured: Callable[[int, Plain], None]) -> None:
        self._count, self._measured = count, measured
        self._channels: list[Channel] = []
        self.processes: list[trio.Process] = []
        self._answers: list[trio.MemoryReceiveChannel[Plain]] = []

    async def start(self, nursery: trio.Nursery, document: Plain, kubeconfig: Path) -> None:
        """Start all, and wait until each is ready."""
        for index in range(self._count):
            process = await trio.lowlevel.open_process(
                [sys.executable, "-m", "watchcache.bench.process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            if process.stdin is None or process.stdout is None:
                raise BenchProblem("no pipes to a load process")
            channel = Channel(process.stdout, process.stdin)
            sender, receiver = trio.open_memory_channel[Plain](16)
            self.processes.append(process)
            self._channels.append(channel)
            self._answers.append(receiver)
            nursery.start_soon(self._listen, index, channel, sender)
            await channel.send(
                {
                    "scenario": document,
                    "kubeconfig": str(kubeconfig),
                    "index": index,
                    "processes": self._count,
                }
            )
        await self.wait("ready")

    async def _listen(self, index: int, channel: Channel, sender: trio.MemorySendChannel[Plain]) -> None:
        async with sender:
            while message := await channel.receive():
                if message["is"] == "measured":
                    self._measured(index, message)
                else:
                    await sender.send(message)
        raise BenchProblem(
            f"load process {index} has died; its words are above"
        )  # whoever stops it stops listening first

    async def tell(self, what: str, **more: object) -> None:
        """Say the same to all."""
        for channel in self._channels:
            await channel.send({"do": what, **more})

    async def wait(self, answer: str, *, skip: tuple[str, ...] = ()) -> list[Plain]:
        """Wait until all have answered so; answers in `skip` came too late for who waited for them. Raises `BenchProblem` when one fails or is gone."""
        found = []
        for receiver in self._answers:
            try:
                while (message := await receiver.receive())["is"] in skip:
                    pass
            except trio.EndOfChannel:
                raise BenchProblem("a load process has died; its words are above") from None
            if message["is"] != answer:
                raise BenchProblem(
                    message.get("why", f"a load process answered {message['is']} instead of {answer}")
                )
            found.append(message)
        return found

    async def ask(self, what: str, answer: str, **more: object) -> list[Plain]:
        """Tell all and wait for all."""
        await self.tell(what, **more)
        return await self.wait(answer)

    async def stop(self) -> None:
        """End all."""
        for process in self.processes:
            if process.returncode is None:
                process.terminate()
        with trio.move_on_after(_FAREWELL):
            for process in self.processes:
                await process.wait()
        for process in self.processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
