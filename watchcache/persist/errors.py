"""Why a data directory cannot be opened, when nothing in it is damaged."""

from __future__ import annotations

from pathlib import Path

from watchcache.log import JournalError


class DirectoryLocked(JournalError):
    """Another server uses the directory."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(path, holder)
        self.path = path
        self.holder = holder

    def __str__(self) -> str:
        by = f" (process {self.holder})" if self.holder else ""
        return f"{self.path} is in use by another server{by}; stop that one or give this one a directory of its own"


class DirectoryUnusable(JournalError):
    """The directory cannot be read or written, or is no data directory, or that of a newer version."""
