"""`watchcache serve`: settings from flags, environment and file, then the server until it is told to stop."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchcache.cli.arguments import from_config, from_environment, settings_of, split
from watchcache.cli.help import serve_help
from watchcache.settings import Settings, SettingsProblem


def serve(arguments: Sequence[str]) -> int:
    """Run a server; the status is 0 after a graceful end, 1 when it had to give up."""
    if any(word in {"-h", "--help", "--help-all"} for word in arguments):
        print(serve_help(everything="--help-all" in arguments), end="")
        return 0
    given = split(arguments)
    layers = [from_environment(os.environ), given]
    if "config" in given:
        layers.insert(0, read_config(Path(given["config"])))
    settings, warnings = settings_of(*layers)
    if "write-config-to" in given:
        write_config(Path(given["write-config-to"]), layers)
        return 0
    for warning in warnings:
        print(f"watchcache: warning: {warning}", file=sys.stderr)
    return run(settings)


def run(settings: Settings) -> int:
    """The server in this process."""
    # Next to nothing of what a start makes is garbage: looking for it took 30 of 240 ms. `process` turns it on again.
    gc.disable()
    from watchcache.process import ServerFailed, main

    try:
        main(settings)
    except ServerFailed as problem:
        print(f"watchcache: {problem}", file=sys.stderr)
        return 1
    return 0


def read_config(path: Path) -> dict[str, str]:
    """The flags that a configuration file sets.

    Raises `SettingsProblem`.
    """
    import yaml

    try:
        return from_config(yaml.safe_load(path.read_bytes()), str(path))
    except OSError as problem:
        raise SettingsProblem(f"--config: cannot read {path}: {problem.strerror}") from None
    except yaml.YAMLError as problem:
        raise SettingsProblem(f"--config: {path} is not YAML: {' '.join(str(problem).split())}") from None


def write_config(path: Path, layers: Sequence[Mapping[str, str]]) -> None:
    """A configuration file that means the same as the flags given.

    Raises `SettingsProblem`.
    """
    import yaml

    flags: dict[str, str] = {}
    for layer in layers:
        flags.update(layer)
    for name in ("config", "write-config-to"):
        flags.pop(name, None)
    document: dict[str, Any] = {
        "apiVersion": "watchcache.dev/v1alpha1",
        "kind": "ServerConfiguration",
        "flags": flags,
    }
    try:
        path.write_text(yaml.safe_dump(document, sort_keys=False))
    except OSError as problem:
        raise SettingsProblem(f"--write-config-to: cannot write {path}: {problem.strerror}") from None
