"""Doing what the plan says, and undoing it."""

from __future__ import annotations

import signal
from contextlib import suppress
from random import Random

import trio

from tests.tcp_proxy import Proxy

from .exchange import Lost
from .history import Fault, Restore
from .members import Member, join, leader_of, part, wait_healthy
from .plan import Step
from .reference import Reference
from .scene import Scene

HEALTHY = 30.0  # seconds, in which members that were all started answer
RESTORED = 20.0  # seconds, in which every server notices that etcd was restored
DELAYS = (0.02, 0.1, 0.3, 0.8)  # seconds, of each fsync; elections begin after half a second of silence


class Faults:
    """Breaks members, servers and the links between them."""

    def __init__(
        self, scene: Scene, members: list[Member], links: dict[str, Proxy], reference: Reference
    ) -> None:
        self._scene = scene
        self._members = members
        self._servers = scene.servers
        self._links = links
        self._reference = reference
        self._random: Random = scene.random("faults")

    async def run(self, steps: list[Step]) -> None:
        """All steps at their times; returns when all is healed."""
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for step in steps:
                await trio.sleep_until(began + step.at)
                nursery.start_soon(self._do, step)

    async def _do(self, step: Step) -> None:
        began = trio.current_time()
        what = f"{step.what} {' '.join(step.targets)}"
        try:
            if step.what == "compact":
                what += str(await self._compact())
            elif step.what == "restore":
                await self._restore(step.seconds)
            elif step.what == "move":
                await self._move_leader()
            elif step.targets == ("leader",):
                found = await leader_of(self._members)
                if found is not None:
                    what = f"{step.what} leader {found[0].name}"
                    await self._break(step.what, (found[0].name,), step.seconds)
            else:
                await self._break(step.what, step.targets, step.seconds)
        except Lost as lost:
            what += f" (in vain: {lost})"
        self._scene.history.records.append(Fault(what=what, began=began, ended=trio.current_time()))

    async def _break(self, what: str, targets: tuple[str, ...], seconds: float) -> None:
        if what == "part":
            await self._part([self._members[int(target[4:])] for target in targets], seconds)
            return
        async with trio.open_nursery() as nursery:
            for target in targets:
                if target in self._links:
                    nursery.start_soon(self._break_link, what, self._links[target], seconds)
                elif target.startswith("etcd"):
                    nursery.start_soon(self._break_member, what, self._members[int(target[4:])], seconds)
                else:
                    nursery.start_soon(self._break_server, what, int(target[6:]), seconds)

    async def _break_link(self, what: str, link: Proxy, seconds: float) -> None:
        if what == "cut":
            await link.cut()
        elif what == "stall":
            link.stall()
        else:
            link.slow(self._random.uniform(0.01, 0.3))
        await trio.sleep(seconds)
        link.restore()

    async def _part(self, members: list[Member], seconds: float) -> None:
        one, *others = members
        others = others or [each for each in self._members if each is not one]
        for other in others:
            part(one, other)
        await trio.sleep(seconds)
        for other in others:
            join(one, other)

    async def _stutter(self, member: Member, seconds: float) -> None:
        """Stopped more than half of the time, for moments: as with a disk that takes long for each write."""
        with trio.move_on_after(seconds):
            while True:
                member.freeze()
                await trio.sleep(self._random.uniform(0.05, 0.4))
                member.thaw()
                await trio.sleep(self._random.uniform(0.02, 0.2))
        member.thaw()

    async def _break_member(self, what: str, member: Member, seconds: float) -> None:
        if what == "kill":
            member.kill()
            await trio.sleep(seconds)
            member.start(self._members)
        elif what == "stutter":
            await self._stutter(member, seconds)
        elif what == "replace":
            await member.replace(self._members, seconds)
        elif what == "drag":
            await member.drag(self._random.choice(DELAYS))
            await trio.sleep(seconds)
            await member.release()
        else:
            member.freeze()
            await trio.sleep(seconds)
            member.thaw()

    async def _break_server(self, what: str, number: int, seconds: float) -> None:
        server = self._servers[number]
        if what == "freeze":
            server.freeze()
            await trio.sleep(seconds)
            server.thaw()
            return
        await server.end(signal.SIGTERM if what == "end" else signal.SIGKILL)
        await trio.sleep(seconds)
        server.start()
        # Without a quorum it cannot start; the end of the run tells whether it ever did.
        with suppress(trio.TooSlowError):
            await server.wait_ready()

    async def _restore(self, seconds: float) -> None:
        """Back etcd up, and put that back some seconds later. Nothing comes through while either history gets its mark, so that it is known where they part."""
        revision = await self._stop_members()
        for member in self._members:
            member.back_up()
        await self._start_members()
        await trio.sleep(seconds)
        await self._leave_behind(self._random.choice(self._servers).name)
        await self._stop_members()
        began = trio.current_time()
        for member in self._members:
            member.put_back()
        lost = self._reference.go_back(revision)
        for server in self._servers:
            server.restored = True
        await self._start_members()
        with trio.move_on_after(RESTORED):  # each must notice by itself: else the checker finds what it shows
            while any(server.restored for server in self._servers):  # noqa: ASYNC110 - a harness may poll
                await trio.sleep(0.1)
        for server in self._servers:
            if server.restored:
                self._scene.history.own.append(f"{server.name} did not notice that etcd was restored")
        starts = [server.started for server in self._servers]
        self._scene.history.records.append(
            Restore(revision=revision, began=began, ended=trio.current_time(), starts=starts, lost=lost)
        )

    async def _leave_behind(self, server: str) -> None:
        """Let one server see less of the history that is about to be lost than clients of the others do."""
        for name, link in self._links.items():
            if name.startswith(f"{server}-"):
                link.stall()
        await trio.sleep(self._random.uniform(0.3, 1.2))

    async def _stop_members(self) -> int:
        """Cut all servers off and end all members; the last revision, which the reference has seen."""
        for link in self._links.values():
            await link.cut()
        revision = await self._mark()
        await self._reference.wait(revision, HEALTHY)
        for member in self._members:
            member.kill()
        return revision

    async def _mark(self) -> int:
        with trio.fail_after(HEALTHY):
            while True:
                with suppress(Lost):
                    return await self._random.choice(self._members).mark()

    async def _start_members(self) -> None:
        for member in self._members:
            member.start(self._members)
        await wait_healthy(self._members, HEALTHY)
        for link in self._links.values():
            link.restore()

    async def _move_leader(self) -> None:
        found = await leader_of(self._members)
        if found is not None:
            leader, members = found
            others = [number for number, member in members.items() if member is not leader]
            if others:
                target = self._random.choice(sorted(others))
                await leader.ask("maintenance/transfer-leadership", {"targetID": target})

    async def _compact(self) -> int:
        """Everything but the newest revisions, sometimes all, as far as the reference has come. Raises Lost."""
        revision = self._reference.revision - self._random.choice((0, 5, 50, 200))
        if revision > 1:
            member = self._random.choice(self._members)
            await member.ask("kv/compaction", {"revision": str(revision)})
        return revision
