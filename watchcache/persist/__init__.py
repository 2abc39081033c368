"""Where a log keeps its events: in memory, or in a directory of checksummed segments and snapshots.

`MemoryJournal` and `FileJournal` do what `watchcache.log.Journal` asks. `check_directory` and `read_events` look into a
data directory from outside, also while a server runs.
"""

from watchcache.persist.errors import DirectoryLocked, DirectoryUnusable
from watchcache.persist.file import FileJournal
from watchcache.persist.inspect import DirectoryReport, Fault, FileReport, check_directory
from watchcache.persist.memory import MemoryJournal
from watchcache.persist.moving import Contents, checksum, read_directory, write_directory
from watchcache.persist.reading import read_events
from watchcache.persist.retention import Retention

__all__ = [
    "Contents",
    "DirectoryLocked",
    "DirectoryReport",
    "DirectoryUnusable",
    "Fault",
    "FileJournal",
    "FileReport",
    "MemoryJournal",
    "Retention",
    "check_directory",
    "checksum",
    "read_directory",
    "read_events",
    "write_directory",
]
