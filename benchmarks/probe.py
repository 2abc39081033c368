"""A watch of one object that is written at fixed times: how long after its time each write is seen.

A write that is late does not delay the next one's time, so that no delay is hidden.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from raw_clients import Http1, connect

MAPS = "/api/v1/namespaces/default/configmaps"
RATE = 50  # writes a second


class Probe:
    """Writer and watcher, each on a connection of its own, as the user `probe`."""

    def __init__(self, port: int) -> None:
        self._writer = Http1(port, "probe")
        body = json.dumps({"metadata": {"name": "probe"}, "data": {"due": "0"}}).encode()
        self._writer.send(self._writer.head("POST", MAPS, len(body)) + body)
        self._writer.receive()
        self._watch = connect(port)
        self._watch.settimeout(None)
        self._watch.sendall(
            self._writer.head("GET", f"{MAPS}?watch=true&fieldSelector=metadata.name%3Dprobe")
        )
        self._seen: list[tuple[float, float]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while data := self._watch.recv(1 << 16):
            now = time.time()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                start = line.find(b'"due":"')
                if start >= 0:
                    due = float(line[start + 7 : line.index(b'"', start + 7)])
                    self._seen.append((due, now - due))

    def write(self, over: Callable[[], bool]) -> list[float]:
        """Write until it is over; milliseconds from the time that each write was due to its arrival, sorted."""
        self._seen.clear()
        begin = due = time.time()
        number = 0
        while not over():
            due = begin + number / RATE
            number += 1
            time.sleep(max(0.0, due - time.time()))
            body = json.dumps({"data": {"due": str(due)}}).encode()
            head = self._writer.head("PATCH", f"{MAPS}/probe", len(body), "application/merge-patch+json")
            self._writer.send(head + body)
            status, _ = self._writer.receive()
            if status != 200:
                raise SystemExit(f"the probe's write: {status}")
        until = time.time() + 60
        while time.time() < until and not any(seen == due for seen, _ in self._seen):
            time.sleep(0.05)
        late = sorted(late * 1000 for seen, late in self._seen if seen)
        if len(late) != number:
            raise SystemExit(f"{number} writes, {len(late)} seen")
        return late


def for_seconds(seconds: float) -> Callable[[], bool]:
    """Over after so long from now."""
    until = time.time() + seconds
    return lambda: time.time() > until


def summary(late: list[float]) -> dict[str, float]:
    """Percentiles."""
    return {
        "writes": len(late),
        **{
            f"p{part}_ms": round(late[min(len(late) - 1, len(late) * part // 100)], 1)
            for part in (50, 99, 100)
        },
    }


def say(**figures: object) -> None:
    """One line."""
    print(json.dumps(figures), flush=True)
