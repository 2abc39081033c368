"""The members of an etcd cluster, as processes on free ports."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import trio

from tests.etcds import free_port

from .child import Child
from .exchange import Caller, Lost
from .peers import PeerProxy

SECONDS = 2.0


class Member(Child):
    """One etcd of a cluster; `start`, `kill`, `freeze` and `thaw` as often as wanted."""

    def __init__(self, number: int, binary: str, directory: Path, *, syncs: bool = False) -> None:
        super().__init__()
        self.name = f"etcd{number}"
        self.directory = directory / self.name
        self.port, self.peer, self.metrics = free_port(), free_port(), free_port()
        self.peers = PeerProxy(self.peer)
        self.id = ""  # as etcd writes it, once it is known
        self._binary = binary
        self._syncs = syncs  # whether it waits for its disk, as it must for `drag` to mean anything
        self._tracer: subprocess.Popen[bytes] | None = None
        self._state = "new"  # of the cluster that it starts in
        self._leaves = False  # is being replaced: it cannot be started
        self._caller = Caller(self.url, {})

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def peer_url(self) -> str:
        """Where the others find it."""
        return self.peers.url

    def start(self, cluster: list[Member]) -> None:
        """Start it, with what it had when it ran before."""
        if self._leaves:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self._binary,
                    f"--name={self.name}",
                    f"--data-dir={self.directory / 'data'}",
                    f"--listen-client-urls={self.url}",
                    f"--advertise-client-urls={self.url}",
                    f"--listen-peer-urls=http://127.0.0.1:{self.peer}",
                    f"--initial-advertise-peer-urls={self.peer_url}",
                    "--initial-cluster=" + ",".join(f"{each.name}={each.peer_url}" for each in cluster),
                    f"--initial-cluster-state={self._state}",
                    f"--listen-metrics-urls=http://127.0.0.1:{self.metrics}",
                    "--heartbeat-interval=50",
                    "--election-timeout=500",
                    *(() if self._syncs else ("--unsafe-no-fsync",)),
                    "--log-level=warn",
                ],
                stdout=log,
                stderr=log,
            )

    def close(self) -> None:
        """End it at once, with the connection to it."""
        self._caller.close()
        self.kill()
        if self._tracer is not None:
            self._tracer.kill()
            self._tracer.wait()

    def back_up(self) -> None:
        """Keep what it has, while it does not run."""
        shutil.rmtree(self.directory / "backup", ignore_errors=True)
        shutil.copytree(self.directory / "data", self.directory / "backup")

    def put_back(self) -> None:
        """Have it start with what was kept."""
        shutil.rmtree(self.directory / "data")
        shutil.copytree(self.directory / "backup", self.directory / "data")

    async def mark(self) -> int:
        """Write a key that no server looks at; its revision. Raises Lost."""
        answer = await self.ask("kv/put", {"key": "bWFyaw=="})
        return int(answer["header"]["revision"])

    async def drag(self, seconds: float) -> None:
        """Let each of its fsyncs take longer, as on a disk that is slow: strace holds the calls up. Raises Lost when it cannot."""
        if self.process is None:
            return
        self._tracer = tracer = self._trace(self.process.pid, seconds)
        while not _traced(self.process.pid):
            if tracer.poll() is not None:
                await self.release()
                return
            await trio.sleep(0.01)

    async def replace(self, cluster: list[Member], seconds: float) -> None:
        """Take it out of the cluster; after some time a new member without data comes at its addresses. Returns when the others have agreed to both."""
        others = cycle(each for each in cluster if each is not self)
        self._leaves = True
        while self.id in await _ids(next(others)):
            with suppress(Lost):
                await next(others).ask("cluster/member/remove", {"ID": str(int(self.id, 16))})
        self.kill()
        shutil.rmtree(self.directory / "data")
        await trio.sleep(seconds)
        while not (
            found := [each for each, urls in (await _ids(next(others))).items() if self.peer_url in urls]
        ):
            with suppress(Lost):
                await next(others).ask("cluster/member/add", {"peerURLs": [self.peer_url]})
        self.id, self._state, self._leaves = found[0], "existing", False
        self.start(cluster)

    def _trace(self, pid: int, seconds: float) -> subprocess.Popen[bytes]:
        calls = "fsync,fdatasync"
        with (self.directory / "strace.log").open("ab") as log:
            return subprocess.Popen(
                [
                    "strace",
                    "--follow-forks",
                    "--quiet=all",
                    f"--trace={calls}",
                    f"--inject={calls}:delay_enter={seconds * 1e6:.0f}",
                    "--output=/dev/null",
                    f"--attach={pid}",
                ],
                stdout=log,
                stderr=log,
            )

    async def release(self) -> None:
        """Give it its disk back. Raises Lost when it had not been slowed down for all the time."""
        tracer, self._tracer = self._tracer, None
        if tracer is None:
            return
        ended = tracer.poll()
        tracer.terminate()
        while tracer.poll() is None:  # noqa: ASYNC110 - it lets go of one thread after the other
            await trio.sleep(0.01)
        if ended is not None:
            raise Lost(f"strace ended with status {ended}: see {self.directory / 'strace.log'}")

    async def learn_id(self) -> None:
        """Ask for its id. Raises Lost."""
        answer = await self.ask("maintenance/status", {})
        self.id = f"{int(answer['header']['member_id']):x}"

    async def ask(self, path: str, document: Any) -> Any:
        """Call it through its JSON gateway. Raises Lost, also when it refuses."""
        status, answer = await self._caller.call("POST", f"/v3/{path}", document, seconds=SECONDS)
        if status != 200:
            raise Lost(f"{path}: {answer}")
        return answer


async def _ids(member: Member) -> dict[str, list[str]]:
    """The ids of a cluster's members, each with its peer URLs; asked for until there is an answer."""
    while True:
        with suppress(Lost):
            answer = await member.ask("cluster/member/list", {"linearizable": True})
            return {f"{int(each['ID']):x}": each["peerURLs"] for each in answer["members"]}
        await trio.sleep(0.1)


def _traced(pid: int) -> bool:
    """Whether all threads of a process are traced."""
    try:
        states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):  # a thread has just ended
        return False
    return all("\nTracerPid:\t0\n" not in state for state in states)


async def wait_healthy(members: list[Member], seconds: float) -> None:
    """Wait until every member answers a linearizable read. Raises TooSlowError."""
    with trio.fail_after(seconds):
        for member in members:
            while True:
                try:
                    await member.ask("kv/range", {"key": "AA==", "count_only": True})
                    break
                except Lost:
                    await trio.sleep(0.1)


async def leader_of(members: list[Member]) -> tuple[Member, dict[str, Member]] | None:
    """The member that leads, and all that answer by their ids; None when nobody says."""
    found: dict[str, Member] = {}
    leader = ""
    for member in members:
        try:
            answer = await member.ask("maintenance/status", {})
        except Lost:
            continue
        found[answer["header"]["member_id"]] = member
        leader = answer.get("leader", "0") if answer.get("leader", "0") != "0" else leader
    return (found[leader], found) if leader in found else None


def part(one: Member, other: Member) -> None:
    """Let the two hear nothing of each other."""
    one.peers.part(other.id)
    other.peers.part(one.id)


def join(one: Member, other: Member) -> None:
    """Let them speak again."""
    one.peers.join(other.id)
    other.peers.join(one.id)
