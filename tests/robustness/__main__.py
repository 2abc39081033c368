"""`python -m tests.robustness`: runs, and what was found."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import trio

from tests import etcds

from .check import around, check, figures
from .history import History, load
from .reference import Incomplete
from .run import Run, Setting

SHOWN = 5  # violations, with the history around them


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    flags = argparse.ArgumentParser(prog="python -m tests.robustness", description=__doc__)
    flags.add_argument(
        "--seed",
        default=str(int(time.time())),
        help="what the plan of faults and the choices of the clients follow from",
    )
    flags.add_argument("--runs", type=int, default=1, help="how many, with the seeds SEED, SEED+1, ...")
    flags.add_argument("--seconds", type=float, default=120.0)
    flags.add_argument("--servers", type=int, default=3, help="of `watchcache serve`")
    flags.add_argument("--workers", type=int, default=0, help="of each server")
    flags.add_argument("--members", type=int, default=3, help="of the etcd")
    flags.add_argument("--writers", type=int, default=6)
    flags.add_argument("--readers", type=int, default=3)
    flags.add_argument("--watchers", type=int, default=6)
    flags.add_argument("--etcd", default=etcds.binary(), help="the etcd to use")
    flags.add_argument(
        "--apiserver",
        default="",
        metavar="PATH",
        help="a kube-apiserver that joins as one more server, on the same etcd and prefix",
    )
    flags.add_argument(
        "--slow-disks",
        action="store_true",
        help="members wait for their disks, whose fsyncs are held up now and then (needs strace)",
    )
    flags.add_argument(
        "--restores",
        action="store_true",
        help="a backup of etcd is put back under the running servers, once in a run",
    )
    flags.add_argument(
        "--keep", type=Path, help="where to leave histories and logs; else only failures are kept"
    )
    flags.add_argument("--check", type=Path, metavar="FILE", help="only check a history.jsonl again")
    return flags


def main() -> None:
    """Run once for each seed. The status is 1 when a violation was found, 2 when a run could not be checked."""
    arguments = parser().parse_args()
    if arguments.check:
        sys.exit(bool(report(arguments.check.parent.name, load(arguments.check))))
    if not arguments.etcd:
        sys.exit("no etcd: put one on the PATH, or name it with --etcd; `python3 dev.py tools` builds one")
    if arguments.slow_disks and not shutil.which("strace"):
        sys.exit("--slow-disks needs strace on the PATH")
    if arguments.apiserver and not shutil.which(arguments.apiserver):
        sys.exit(f"--apiserver: {arguments.apiserver} is no program")
    if arguments.restores and arguments.apiserver:
        sys.exit("--restores: a kube-apiserver does not notice a restored etcd")
    worst = 0
    for number in range(arguments.runs):
        seed = str(int(arguments.seed) + number) if arguments.runs > 1 else arguments.seed
        worst = max(worst, one(arguments, seed))
    sys.exit(worst)


def report(name: str, history: History) -> int:
    """Print what a history is and what must not be in it; how much that is."""
    violations = check(history)
    print(f"{name}: {' '.join(f'{what}={value}' for what, value in figures(history).items())}")
    for violation in violations[:SHOWN]:
        print("\n".join(around(history, violation)))
    print(f"{name}: {len(violations)} violations", flush=True)
    return len(violations)


def one(arguments: argparse.Namespace, seed: str) -> int:
    """One run; 0 when all is well."""
    home = arguments.keep or Path(tempfile.mkdtemp(prefix="robustness-"))
    directory = home / f"seed-{seed}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    setting = Setting(
        seed,
        arguments.seconds,
        arguments.servers,
        arguments.members,
        arguments.etcd,
        directory,
        writers=arguments.writers,
        readers=arguments.readers,
        watchers=arguments.watchers,
        workers=arguments.workers,
        slow_disks=arguments.slow_disks,
        restores=arguments.restores,
        apiserver=arguments.apiserver,
    )
    run = Run(setting, lambda text: print(f"seed {seed}: {text}", flush=True))
    incomplete: list[BaseException] = []
    history = History()
    try:
        history = trio.run(run.run)
    except* Incomplete as group:
        incomplete.append(group)
    if incomplete:
        print(f"seed {seed}: cannot be checked: {incomplete[0]!r}", flush=True)
        return 2
    history.save(directory / "history.jsonl")
    if report(f"seed {seed}", history):
        print(f"seed {seed}: history and logs are in {directory}", flush=True)
        return 1
    if arguments.keep is None:
        shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    main()
