"""One run: everything is started, driven, broken, healed, and looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import trio

from tests.tcp_proxy import Proxy

from .apiserver import ApiserverProcess
from .faults import Faults
from .history import NAMESPACE, History
from .members import Member, wait_healthy
from .plan import KINDS, SLOW_DISKS, plan, with_restore
from .readers import Reader
from .reference import Incomplete, Reference
from .scene import LAST, SCOPES, Scene
from .servers import ServerProcess
from .watchers import Watcher
from .writers import Writer

HEALING = 60.0  # seconds, in which everything must be well again
LOOK = 0.5


class Setting(msgspec.Struct, frozen=True):
    """How large a run is. servers: of ours; binary: the etcd."""

    seed: str
    seconds: float
    servers: int
    members: int
    binary: str
    directory: Path
    writers: int = 6
    readers: int = 3
    watchers: int = 6
    workers: int = 0  # of each server
    slow_disks: bool = False  # strace slows them down
    restores: bool = False  # a backup of etcd is put back
    apiserver: str = ""  # a kube-apiserver, to be one more server; none when empty


class Unwell(Exception):
    """Something did not recover; the history says what."""


class Run:
    """Processes, clients and faults of one run."""

    def __init__(self, setting: Setting, say: Callable[[str], None]) -> None:
        self.setting = setting
        self._say = say
        self.members = [
            Member(each, setting.binary, setting.directory, syncs=setting.slow_disks)
            for each in range(setting.members)
        ]
        self.links: dict[str, Proxy] = {}
        servers = [
            ServerProcess(number, setting.directory, self._link(f"server{number}"), setting.workers)
            for number in range(setting.servers)
        ]
        if setting.apiserver:
            number = setting.servers
            links = self._link(f"server{number}")
            servers.append(ApiserverProcess(number, setting.directory, links, setting.apiserver))
        self.servers = servers
        self.scene = Scene(setting.seed, servers)
        self.reference = Reference(self.members)
        self._watching = 0

    def _link(self, server: str) -> list[str]:
        """Proxies between a server and each member: their addresses."""
        links = {f"{server}-{member.name}": Proxy(member.port) for member in self.members}
        self.links.update(links)
        return [link.url for link in links.values()]

    async def run(self) -> History:
        """Do it all. Raises Incomplete when etcd did not start, or the reference was lost."""
        history = self.scene.history
        try:
            async with trio.open_nursery() as nursery:
                for link in self.links.values():
                    await nursery.start(link.run)
                for member in self.members:
                    await nursery.start(member.peers.run)
                await self._start()
                nursery.start_soon(self.reference.run)
                try:
                    await self._drive()
                except* Unwell as group:
                    history.own += [str(problem) for problem in group.exceptions]
                nursery.cancel_scope.cancel()
        finally:
            self.scene.close()
            for server in self.servers:
                server.close()
            for member in self.members:
                member.close()
        history.changes = self.reference.changes
        history.own += [server.ended for server in self.servers if server.ended]
        for server in self.servers:
            if "Traceback" in server.log.read_text(errors="replace"):
                history.own.append(f"{server.name} logged a traceback: see {server.log}")
        return history

    async def _start(self) -> None:
        for member in self.members:
            member.start(self.members)
        try:
            await wait_healthy(self.members, 30)
        except (
            trio.TooSlowError
        ):  # such as a port that somebody took between its being chosen and being bound
            raise Incomplete(f"the members of etcd did not start: see {self.setting.directory}") from None
        for member in self.members:
            await member.learn_id()
        for server in self.servers:  # one after the other: the first makes the CA that all use
            server.start()
            await server.wait_ready()
        status, answer = await self.scene.caller(0).call(
            "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}, seconds=10
        )
        assert status == 201, answer

    async def _drive(self) -> None:
        setting = self.setting
        kinds = (*KINDS, *SLOW_DISKS) if setting.slow_disks else KINDS
        steps = plan(setting.seed, setting.seconds, len(self.servers), setting.members, kinds)
        if setting.restores:
            steps = with_restore(steps, setting.seed, setting.seconds)
        self._say(f"{len(steps)} faults in {setting.seconds:g} s")
        async with trio.open_nursery() as nursery:
            for number in range(setting.watchers):
                scope = SCOPES[number % len(SCOPES)]
                nursery.start_soon(self._watch, Watcher(self.scene, f"watcher{number}", scope))
            async with trio.open_nursery() as load:
                for number in range(setting.writers):
                    load.start_soon(Writer(self.scene, f"w{number}").run)
                for number in range(setting.readers):
                    load.start_soon(Reader(self.scene, f"reader{number}").run)
                load.start_soon(self._look)
                await Faults(self.scene, self.members, self.links, self.reference).run(steps)
                self.scene.over.set()
            await self._heal()
            await self._write_last()
            try:
                with trio.fail_after(HEALING):
                    while self._watching:  # noqa: ASYNC110 - a harness may poll
                        await trio.sleep(0.1)
            except trio.TooSlowError:
                raise Unwell(
                    f"{self._watching} watchers did not come to the last writes, {self.scene.last}"
                ) from None

    async def _watch(self, watcher: Watcher) -> None:
        self._watching += 1
        await watcher.run()
        self._watching -= 1

    async def _look(self) -> None:
        while not self.scene.over.is_set():
            for server in self.servers:
                server.look()
            await trio.sleep(LOOK)

    async def _heal(self) -> None:
        """Everything is allowed to be well again now; it must become so."""
        try:
            await wait_healthy(self.members, HEALING)
        except trio.TooSlowError:
            raise Unwell("etcd did not recover") from None
        for server in self.servers:
            try:
                await server.wait_ready(HEALING)
            except trio.TooSlowError:
                raise Unwell(f"{server.name} did not recover: {server.tail()}") from None

    async def _write_last(self) -> None:
        """One write through each server, of each resource; each must succeed."""
        last: dict[str, int] = {}
        for number in range(len(self.servers)):
            writer = Writer(self.scene, f"{LAST}{number}", number)
            for resource, write in (
                ("configmaps", await writer.create(f"{LAST}{number}-1", f"{LAST}{number}", shade="light")),
                ("events", await writer.create_event(f"{LAST}{number}-2")),
            ):
                if not write.acknowledged:
                    raise Unwell(f"server{number} refused a write when all was well: {write}")
                last[resource] = write.revision
        self.scene.last = last
        newest = max(last.values())
        try:
            await self.reference.wait(newest, HEALING)
        except trio.TooSlowError:
            raise Unwell("the reference did not come to the end") from None
