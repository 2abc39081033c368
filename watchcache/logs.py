"""Log lines as klog writes them (`I1122 01:02:03.000000 pid file.py:12] text`), or as JSON with klog's field names."""

from __future__ import annotations

import json
import logging
import sys
import time

LETTERS = {
    logging.DEBUG: "I",
    logging.INFO: "I",
    logging.WARNING: "W",
    logging.ERROR: "E",
    logging.CRITICAL: "F",
}
# What each -v adds; requests are logged from 3 on, as kube-apiserver does.
REQUESTS, EVERYTHING = 3, 6


class TextFormatter(logging.Formatter):
    """klog's text format; an exception follows on its own lines."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        now = time.localtime(record.created)
        stamp = f"{time.strftime('%m%d %H:%M:%S', now)}.{int(record.created % 1 * 1e6):06d}"
        line = f"{LETTERS.get(record.levelno, 'I')}{stamp} {record.process:7d} {record.filename}:{record.lineno}] {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `ts` in milliseconds, `caller`, `msg`, `v`, and `err` for an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as JSON."""
        fields: dict[str, object] = {
            "ts": round(record.created * 1000, 3),
            "caller": f"{record.filename}:{record.lineno}",
            "msg": record.getMessage(),
        }
        if record.levelno >= logging.ERROR:
            fields["err"] = self.formatException(record.exc_info) if record.exc_info else ""
        else:
            fields["v"] = 4 if record.levelno <= logging.DEBUG else 0
        return json.dumps(fields)


def set_up(verbosity: int, form: str) -> None:
    """Send the process's log to standard error. `verbosity` is -v: below 3 only what an operator must know."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    ours = logging.getLogger("watchcache")
    ours.setLevel(logging.DEBUG if verbosity >= EVERYTHING else logging.INFO)
    logging.getLogger("watchcache.access").setLevel(
        logging.INFO if verbosity >= REQUESTS else logging.WARNING
    )
