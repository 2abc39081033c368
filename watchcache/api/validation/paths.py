"""Paths that stand in objects and are one day opened on a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api import causes
from watchcache.api.status import Cause

_LARGEST_MODE: Final = 0o777


def without_backsteps(path: str, field: str) -> Iterator[Cause]:
    """No part of the path may lead back."""
    if ".." in path.split("/"):
        yield causes.invalid(field, path, "must not contain '..'")


def descending_path(path: str, field: str) -> Iterator[Cause]:
    """The path must stay below where it begins."""
    if path.startswith("/"):
        yield causes.invalid(field, path, "must be a relative path")
    yield from without_backsteps(path, field)


def unreserved_path(path: str, field: str) -> Iterator[Cause]:
    """The path must stay below where it begins, and not begin as what a kubelet keeps for itself."""
    yield from descending_path(path, field)
    if path.startswith("..") and not path.startswith("../"):
        yield causes.invalid(field, path, "must not start with '..'")


def file_mode(mode: int | None, field: str) -> Iterator[Cause]:
    """The permissions of a file, when they are given."""
    if mode is not None and not 0 <= mode <= _LARGEST_MODE:
        text = "must be a number between 0 and 0777 (octal), both inclusive"
        yield causes.invalid(field, mode, text)
