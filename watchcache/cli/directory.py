"""`watchcache check` and `watchcache log`: a data directory seen from outside."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from watchcache.api.codec import stamp
from watchcache.cli.parser import parser
from watchcache.log import Event, JournalError
from watchcache.persist import check_directory, read_events
from watchcache.settings import SettingsProblem


def check(arguments: Sequence[str]) -> int:
    """Walk a directory and name every fault; the status is 1 when there is one that is not harmless."""
    options = parser("check", "Walk a data directory and name every fault, with its file and offset.")
    options.add_argument("directory", type=Path, metavar="DIR")
    directory = options.parse_args(arguments).directory
    try:
        report = check_directory(directory)
    except (JournalError, OSError) as problem:
        raise SettingsProblem(str(problem)) from None
    for file in report.files:
        print(
            f"{file.file.name}: {file.count} records, revisions {file.first} to {file.last}, {file.bytes} bytes"
        )
    for fault in report.faults:
        kind = "note" if fault.harmless else "FAULT"
        print(f"{kind}: {fault.file} at offset {fault.offset}: {fault.problem}")
    verdict = "sound" if report.sound else "damaged"
    print(
        f"{report.path}: {verdict}; {report.keys} keys at revision {report.revision}, history after revision {report.oldest}"
    )
    return 0 if report.sound else 1


def log(arguments: Sequence[str]) -> int:
    """Print events, one JSON object a line."""
    options = parser(
        "log",
        "Print the events of a data directory, one JSON object a line; a running server may use it meanwhile.",
    )
    options.add_argument("directory", type=Path, metavar="DIR")
    options.add_argument(
        "--from",
        dest="start",
        type=int,
        metavar="N",
        help="the first revision to print (default: the oldest kept)",
    )
    options.add_argument("--follow", "-f", action="store_true", help="go on as new events are written")
    chosen = options.parse_args(arguments)
    try:
        for event in read_events(chosen.directory, chosen.start, follow=chosen.follow, stamp=stamp):
            sys.stdout.write(json.dumps(as_document(event)) + "\n")
            if chosen.follow:
                sys.stdout.flush()
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except (JournalError, OSError) as problem:
        raise SettingsProblem(str(problem)) from None
    return 0


def as_document(event: Event) -> dict[str, object]:
    """An event as people read it."""
    kind = "DELETED" if event.deleted else "MODIFIED" if event.prev_revision else "ADDED"
    return {
        "revision": event.revision,
        "time": event.time,
        "type": kind,
        "key": event.key,
        "object": json.loads(event.value),
    }
