"""CPU and memory of processes, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since a process began (user and system, all threads) and its resident bytes."""

    cpu: float = 0.0
    memory: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.memory + other.memory)


def usage(pid: int) -> Usage:
    """Of one process; zero when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return Usage()
    return Usage((int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue
    return found


def processor() -> str:
    """The machine's processor, as it calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


class Sampler:
    """CPU shares and memory by name since the last sample. `watch` may change what a name stands for (after a restart)."""

    def __init__(self) -> None:
        self._pids: dict[str, tuple[int, bool]] = {}
        self._spent: dict[int, float] = {}
        self.cpu: dict[str, float] = {}
        """CPU seconds by name, over all processes that the name has stood for."""

    def watch(self, name: str, pid: int, *, children: bool = True) -> None:
        """Sample this process, with all its descendants, under a name."""
        self._pids[name] = (pid, children)

    def sample(self) -> dict[str, Usage]:
        """CPU seconds since the last sample and resident bytes, by name."""
        found = {}
        for name, (root, children) in self._pids.items():
            spent, memory = 0.0, 0
            for pid in family(root) if children else [root]:
                now = usage(pid)
                spent += max(0.0, now.cpu - self._spent.get(pid, now.cpu))
                self._spent[pid] = now.cpu
                memory += now.memory
            found[name] = Usage(spent, memory)
            self.cpu[name] = self.cpu.get(name, 0.0) + spent
        return found
