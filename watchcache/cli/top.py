"""`watchcache top`: a running server at a glance, from its `/metrics` and `/debug/watchers`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from watchcache.cli.connection import Connection, ServerProblem, kubeconfig_path
from watchcache.cli.parser import parser
from watchcache.cli.scrape import Scrape, Span
from watchcache.cli.screen import screen
from watchcache.settings import SettingsProblem

CLEAR = "\x1b[H\x1b[2J"
ROWS = 20
HEAD = 8  # lines above the watchers, and the prompt


def top(arguments: Sequence[str]) -> int:
    """Show requests, events, watches and the watches that are furthest behind, again and again."""
    options = parser("top", "Show what a running server does, and which of its watches are furthest behind.")
    options.add_argument(
        "--kubeconfig",
        type=Path,
        help="the server and who asks (default: $KUBECONFIG, else the one that `serve` writes)",
    )
    options.add_argument("--interval", type=float, default=2.0, help="seconds between two looks (default 2)")
    options.add_argument(
        "--top", type=int, default=0, metavar="N", help="how many watches to list (default: as many as fit)"
    )
    options.add_argument("--sort", choices=("lag", "bytes", "age"), default="lag", help="which come first")
    options.add_argument("--once", action="store_true", help="print once, after one interval, and end")
    chosen = options.parse_args(arguments)
    if not 0 < chosen.interval < 3600 or chosen.top < 0:
        raise SettingsProblem("--interval must be above 0 seconds, --top not below 0")
    connection = Connection(kubeconfig_path(chosen.kubeconfig, os.environ))
    try:
        return _show(connection, chosen)
    except ServerProblem as problem:
        print(f"watchcache: {problem}", file=sys.stderr)
        return 1
    finally:
        connection.close()


def _show(connection: Connection, chosen: Any) -> int:
    """Look, wait, look again, print."""
    before = _scrape(connection)
    while True:
        time.sleep(chosen.interval)
        terminal = shutil.get_terminal_size()
        live = sys.stdout.isatty() and not chosen.once
        rows = chosen.top or (max(1, terminal.lines - HEAD) if live else ROWS)
        try:
            after = _scrape(connection)
            page = json.loads(connection.get(f"/debug/watchers?top={rows}&sort={chosen.sort}"))
        except ServerProblem as problem:
            if chosen.once:
                raise
            print(f"{problem}; trying again", flush=True)  # a server that restarts comes back
            continue
        width = terminal.columns if live else 0
        text = screen(connection.server, time.strftime("%H:%M:%S"), page, Span(before, after), width)
        sys.stdout.write((CLEAR if live else "") + text)
        sys.stdout.flush()
        if chosen.once:
            return 0
        before = after


def _scrape(connection: Connection) -> Scrape:
    text = connection.get("/metrics").decode()
    return Scrape(text, time.monotonic())
