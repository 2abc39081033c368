"""A server of a benchmark's own, and what its processes cost."""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


def options_of(about: str | None) -> argparse.ArgumentParser:
    """A parser with the options that say which server is measured; for `read`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--source", type=Path, default=ROOT, help="the checkout whose server is measured")
    return parser


def read(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """The options, and the server's flags that follow from them; as many open files as the system lets us have."""
    options = parser.parse_args()
    options.source = options.source.resolve()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return options, [f"--watchcache-workers={options.workers}"] if options.workers else []


class Memory(NamedTuple):
    """Bytes of a process, or of several: resident, and with what is shared counted by share."""

    rss: int
    pss: int


class Serving(NamedTuple):
    """A running server: its port on loopback, and the process that was started."""

    port: int
    pid: int

    @property
    def pids(self) -> list[int]:
        """The process that was started, then its workers."""
        return [self.pid, *children(self.pid)]

    def cpu(self) -> float:
        """Seconds of processor that all its processes have used."""
        return sum(map(seconds_of, self.pids))

    def memory(self) -> Memory:
        """What all its processes hold."""
        each = [memory_of(pid) for pid in self.pids]
        return Memory(sum(one.rss for one in each), sum(one.pss for one in each))


def seconds_of(pid: int) -> float:
    """The processor time that a process has used, to a nanosecond: the sum over its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory_of(pid: int) -> Memory:
    """What a process holds."""
    fields = dict(
        re.findall(
            r"^(Rss|Pss): +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), flags=re.MULTILINE
        )
    )
    return Memory(int(fields["Rss"]) * 1024, int(fields["Pss"]) * 1024)


def children(pid: int) -> list[int]:
    """The workers of a server."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return sorted(found)


@contextmanager
def serving(users: list[str], *flags: str, source: Path = ROOT) -> Iterator[Serving]:
    """A server in memory; each user's name is his token, too. `source` is the checkout that is served."""
    with tempfile.TemporaryDirectory() as directory:
        tokens = Path(directory, "tokens.csv")
        tokens.write_text("".join(f"{name},{name},{number}\n" for number, name in enumerate(users)))
        command = [sys.executable, "-m", "watchcache", "serve", "--secure-port=0", "--storage-backend=memory"]
        command += [f"--cert-dir={directory}/pki", f"--token-auth-file={tokens}", *flags]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=source, env=environment
        ) as server:
            try:
                assert server.stdout is not None
                found = re.search(r"serving https://127\.0\.0\.1:(\d+)", server.stdout.readline())
                if found is None:
                    raise SystemExit("the server did not start")
                yield Serving(int(found[1]), server.pid)
            finally:
                server.terminate()
