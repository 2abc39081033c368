"""Which command a line calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from watchcache.settings import SettingsProblem

USAGE = """\
watchcache: a Kubernetes-compatible API server around an event-sourced watch cache

  watchcache serve [flags]                 serve the Kubernetes API
  watchcache kubeconfig [--user NAME] ...  print a kubeconfig with a new client certificate
  watchcache check DIR                     walk a data directory and name every fault
  watchcache log DIR [--from N] [--follow] print the events of a data directory
  watchcache copy --from S --to S [flags]  copy all objects to another data directory or etcd, and compare
  watchcache top [--once]                  show what a running server does, and who lags
  watchcache bench run|compare|list        put the load of a cluster on an API server
  watchcache version [--output json]       print the version

Each command takes --help. Documentation: docs/ in the source.
"""


def _serve(arguments: Sequence[str]) -> int:
    from watchcache.cli.serve import serve

    return serve(arguments)


def _kubeconfig(arguments: Sequence[str]) -> int:
    from watchcache.cli.kubeconfig import kubeconfig

    return kubeconfig(arguments)


def _check(arguments: Sequence[str]) -> int:
    from watchcache.cli.directory import check

    return check(arguments)


def _log(arguments: Sequence[str]) -> int:
    from watchcache.cli.directory import log

    return log(arguments)


def _copy(arguments: Sequence[str]) -> int:
    from watchcache.cli.copy import copy

    return copy(arguments)


def _top(arguments: Sequence[str]) -> int:
    from watchcache.cli.top import top

    return top(arguments)


def _bench(arguments: Sequence[str]) -> int:
    from watchcache.cli.bench import bench

    return bench(arguments)


def _version(arguments: Sequence[str]) -> int:
    from watchcache.cli.version import version

    return version(arguments)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "serve": _serve,
    "kubeconfig": _kubeconfig,
    "check": _check,
    "log": _log,
    "copy": _copy,
    "top": _top,
    "bench": _bench,
    "version": _version,
}


def main(arguments: Sequence[str]) -> int:
    """Run a command; the result is the process's exit status."""
    name = arguments[0] if arguments else "--help"
    if name in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0
    if name == "--version":
        name = "version"
    command = COMMANDS.get(name)
    if command is None:
        return complain(f'"{name}" is no command; see `watchcache --help`')
    try:
        return command(arguments[1:])
    except SettingsProblem as problem:
        return complain(str(problem))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or the interpreter complains at its end
        return 0


def complain(text: str) -> int:
    """One line about what is wrong; the status that says that nothing was done."""
    print(f"watchcache: {text}", file=sys.stderr)
    return 2
