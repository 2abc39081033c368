"""A server as a process: signals, the service manager, the descriptor limit, and what a person reads at the start."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable

import trio

from watchcache import logs
from watchcache.log import JournalError, JournalReplaced
from watchcache.memory import keep_heap_trimmed, settle_memory, use_one_heap
from watchcache.server import Server
from watchcache.settings import ServerFailed, Settings, SettingsProblem

logger = logging.getLogger("watchcache.server")

# Seconds between two takeovers: of two clusters that answer in turns none is taken over for ever.
SETTLED = 60.0


def main(settings: Settings) -> None:
    """Run a server in this process until it is told to stop.

    When its journal is replaced under it (an etcd that was restored from a backup), it ends and starts again on what is there now.
    Raises `SettingsProblem` when it cannot start and `ServerFailed` when it had to give up.
    """
    logs.set_up(settings.verbosity, settings.logging_format)
    raise_descriptor_limit()
    use_one_heap()
    taken_over = -SETTLED
    while True:
        server = Server(settings)
        problem = _run(server)
        if problem is None:
            return
        if not isinstance(problem, JournalReplaced):
            raise problem
        if time.monotonic() - taken_over < SETTLED:
            raise ServerFailed(
                f"{problem}, for the second time within {SETTLED:.0f} s; look whether --etcd-servers names more than one cluster"
            )
        logger.warning("%s; starting again on what is there now", problem)
        taken_over = time.monotonic()
        settings = dataclasses.replace(settings, secure_port=server.port)
        del server
        gc.unfreeze()


def _run(server: Server) -> BaseException | None:
    """Run a server to its end; what it ended of, None when it was told to."""
    replaced: BaseException | None = None
    problem: BaseException | None = None
    try:
        trio.run(_serve, server)
    except* JournalReplaced as group:
        replaced = first_of(group)
    except* (SettingsProblem, ServerFailed) as group:
        problem = first_of(group)
    except* JournalError as group:
        problem = ServerFailed(f"the journal failed: {first_of(group)}")
    # Not raised up there: before Python 3.11.4 what an `except*` raises is a group again.
    return replaced or problem


class _Start:
    """Whether the server serves. Unlike with `nursery.start`, it may also end without."""

    def __init__(self) -> None:
        self.made = trio.Event()

    def started(self, value: object = None) -> None:  # noqa: ARG002 - trio's
        """It serves (`trio.TaskStatus`)."""
        self.made.set()


async def _serve(server: Server) -> None:
    start = _Start()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_obey_signals, server, start.made)

        async def run() -> None:
            await server.serve(task_status=start)
            nursery.cancel_scope.cancel()

        nursery.start_soon(run)
        await start.made.wait()
        settle_memory()
        nursery.start_soon(keep_heap_trimmed)
        print(server.announcement(), flush=True)  # noqa: T201
        notify_service_manager("READY=1")


async def _obey_signals(server: Server, started: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        told = False
        async for number in signals:
            if number == signal.SIGHUP:
                server.reload()
            elif told:
                server.abort()
            elif not started.is_set():
                print("watchcache: stopping before it has served", file=sys.stderr, flush=True)  # noqa: T201
                server.abort()
            else:
                told = True
                print("watchcache: shutting down; once more to leave at once", file=sys.stderr, flush=True)  # noqa: T201
                notify_service_manager("STOPPING=1")
                server.shut_down()


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first single exception in a group of groups."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def raise_descriptor_limit() -> None:
    """As many open files as the system lets us have: each HTTP/1.1 watch is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def notify_service_manager(state: str, variable: Callable[[str], str | None] = os.environ.get) -> None:
    """Tell a service manager of `Type=notify` where the server stands (sd_notify(3)); nothing when there is none."""
    address = variable("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(f"{state}\nMAINPID={os.getpid()}\nMONOTONIC_USEC={time.monotonic_ns() // 1000}".encode())
