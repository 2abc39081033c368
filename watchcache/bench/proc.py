"""CPU, memory and open files of processes, from /proc; the size of a directory."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since a process began (user and system, all threads), its resident bytes and its open descriptors."""

    cpu: float = 0.0
    memory: int = 0
    descriptors: int = 0


def usage(pid: int) -> Usage:
    """Of one process; zero when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return Usage()
    return Usage((int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE, descriptors(pid))


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open; zero when it is gone, or not ours to look into."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # only their number
    except OSError:
        return 0


def size_of(directory: Path) -> int:
    """The bytes of all files below a directory, as far as they can be seen."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.stat(f"{folder}/{name}").st_size  # noqa: PTH116  # many, every second
            except OSError:  # gone meanwhile
                continue
    return total


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
    """CPU spent since the last sample, memory and descriptors, by name. `watch` may change what a name stands for (after a restart)."""

    def __init__(self) -> None:
        self._roots: dict[str, tuple[int, str]] = {}
        self._spent: dict[int, float] = {}
        self._names: dict[str, dict[int, str]] = {}

    def watch(self, name: str, pid: int, *, children: str = "child") -> None:
        """Sample this process under a name, and each of its descendants as `name children N`; empty: without them."""
        self._roots[name] = (pid, children)
        self._names[name] = {pid: name}

    def sample(self) -> dict[str, Usage]:
        """By name: CPU seconds since the last sample, resident bytes and descriptors."""
        found = {}
        for name, (root, children) in self._roots.items():
            for pid in family(root) if children else [root]:
                now = usage(pid)
                spent = max(0.0, now.cpu - self._spent.get(pid, 0.0 if pid != root else now.cpu))
                self._spent[pid] = now.cpu
                found[self._name(name, pid, children)] = Usage(spent, now.memory, now.descriptors)
        return found

    def _name(self, root: str, pid: int, children: str) -> str:
        """A descendant's name; one that takes the place of another that has ended takes its name, too."""
        names = self._names[root]
        if pid not in names:
            for other in [one for one in names if not Path(f"/proc/{one}").exists()]:
                del names[other]
            number = 1
            while (name := f"{root} {children} {number}") in names.values():
                number += 1
            names[pid] = name
        return names[pid]
