"""The line that tells a person how the run goes."""

from __future__ import annotations

import sys
from typing import TextIO

from watchcache.bench.record import Plain, Record
from watchcache.bench.slo import seconds

_EVERY = 5  # seconds between lines when nobody looks at a terminal


class Progress:
    """Writes each second's row: over the last one in a terminal, else a line now and then."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._out = out
        self._live = out.isatty()
        self._phase = ""

    def say(self, record: Record, row: Plain) -> None:
        """One second is over."""
        phase = record.phases[-1].name
        if self._live:
            end = "\n" if self._phase not in {"", phase} else ""
            self._out.write(f"{end}\r\x1b[K{line(record, row)}")
        elif phase != self._phase or row["turn"] % _EVERY == 0:
            self._out.write(line(record, row) + "\n")
        self._phase = phase
        self._out.flush()

    def end(self) -> None:
        """Leave the line as it is."""
        if self._live:
            self._out.write("\n")


def line(record: Record, row: Plain) -> str:
    """A second in words."""
    phase = record.phases[-1]
    wrong = record.total("repeated") + record.total("reordered")
    parts = [
        f"{record.now:6.0f} s  {phase.name:<18}",
        f"nodes {row['nodes']:,}",
        f"watches {row['watches']:,}",
        f"deliveries {row['deliveries']:,.0f}/s",
        f"writes {row['writes']:,.0f}/s",
    ]
    parts += [
        f"{kind} p99 {seconds(row[f'{kind} p99'] / 1e6)}"
        for kind in ("watch", "request")
        if f"{kind} p99" in row
    ]
    parts += [
        f"{name} {share:.0%}"
        for name, share in row["cpu"].items()
        if not name.startswith(("clients", "coord"))
    ]
    parts.append(f"relists {record.total('relists')}  wrong {wrong}")
    return "  ".join(parts)
