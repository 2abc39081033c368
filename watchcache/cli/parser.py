"""The argument parser of the small commands: argparse, with complaints of one line.

`serve` reads its own arguments (arguments.py), because they must mean what they mean to kube-apiserver.
"""

from __future__ import annotations

import argparse
from typing import NoReturn

from watchcache.settings import SettingsProblem


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that leaves the exit to the command line's own handling."""

    def error(self, message: str) -> NoReturn:
        """Raises `SettingsProblem` instead of printing a usage text and exiting."""
        raise SettingsProblem(f"{self.prog.split()[-1]}: {message}; see `{self.prog} --help`")


def parser(command: str, about: str) -> Parser:
    """A parser for `watchcache COMMAND`."""
    return Parser(prog=f"watchcache {command}", description=about, allow_abbrev=False)
