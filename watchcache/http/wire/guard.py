"""Calls into code that is not the host's, made where an exception would take more with it than its cause."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger("watchcache.http.wire")


def call_guarded(callback: Callable[[], None], what: str) -> None:
    """Call it; an exception goes to the log. The callers are shared: the wheel, a queue's writer, the reader."""
    try:
        callback()
    except Exception:
        log.exception("%s failed", what)
