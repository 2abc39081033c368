"""The journal in a directory.

```
LOCK                            held with flock while a server uses the directory
FORMAT                          the format's version and the data's epoch, JSON
00000000000000000000.events     a segment: the events after that revision, in frames
00000000000000031415.state      a snapshot: the value of every key at that revision, in frames
*.tmp                           being written; a start removes what a crash left
```

`frames` and `records` are pure and say what the bytes mean; `disk` is the few system calls there are; `directory`,
`segment`, `snapshot` are one kind of file each; `recovery` puts a state together; `history` reads old events; and
`journal` is the shell that the log talks to.
"""

from watchcache.persist.file.journal import FileJournal

__all__ = ["FileJournal"]
