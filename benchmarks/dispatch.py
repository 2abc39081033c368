"""How fast the watch cache hands events to sinks, finds who wants them, lists, and what it costs in memory.

    python benchmarks/dispatch.py [--seconds 1] [--objects 150000]

One process, one core, no network: sinks count bytes. Prints one JSON line for each figure.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import trio
import trio.testing

from watchcache.cacher import (
    After,
    Cacher,
    EventType,
    Hub,
    Initial,
    Selection,
    WatchProblem,
    WatchRequest,
    plan_list,
)
from watchcache.cacher.fanout import FanOut
from watchcache.log import Event, Log
from watchcache.persist import MemoryJournal, Retention

PREFIX = b'{"metadata":{"resourceVersion":"'
VALUE_BYTES = 2600


def stamp(value: bytes, revision: int) -> bytes:
    return PREFIX + b"%d" % revision + value[value.index(b'"', len(PREFIX)) :]


def attributes(_key: str, value: bytes) -> tuple[dict[str, str] | None, tuple[str, ...]]:
    node = value[value.rindex(b"@") + 1 : -2].decode()
    return {"app": "web", "pod-template-hash": "5d4f8c7b9"}, (node, "Running", "default-scheduler", "")


def pod(node: str, size: int = VALUE_BYTES) -> bytes:
    return PREFIX + b'","labels":{}},"spec":"' + b"x" * (size - 80) + b"@" + node.encode() + b'"}'


class Json(msgspec.Struct, frozen=True):
    first_differs: bool = False

    def event(self, type: EventType, value: bytes, _first: bool) -> bytes:
        return b'{"type":"%b","object":{"kind":"Pod","apiVersion":"v1",%b}\n' % (type, value[1:])

    def bookmark(self, revision: int, _end: bool, _first: bool) -> bytes:
        return b"%d\n" % revision

    def error(self, problem: WatchProblem) -> bytes:
        return str(problem).encode()


def chunk(frame: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(frame), frame)


class Null:
    """A sink that counts."""

    framing = staticmethod(chunk)
    queued = 0
    connection = 0
    stalled = False

    def __init__(self) -> None:
        self.bytes = 0

    def send(self, framed: bytes) -> bool:
        self.bytes += len(framed)
        return True

    def on_drain(self, _callback: Callable[[], None]) -> None:
        pass

    def finish(self) -> None:
        pass


def report(name: str, **figures: float) -> None:
    print(
        json.dumps({"benchmark": name} | {key: round(value, 3) for key, value in figures.items()}), flush=True
    )


def make_hub(log: Log) -> tuple[Hub, Cacher]:
    fields = ("spec.nodeName", "status.phase", "spec.schedulerName", "status.podIP")
    pods = Cacher("pods", attributes, field_names=fields, indexes=fields[:1])
    hub = Hub(log, stamp=stamp, fan_out=FanOut(rest=(0.0, 0.0)))  # there is nobody to rest for
    hub.add(pods)
    return hub, pods


async def deliver(
    watchers: int, selections: Callable[[int], Selection], seconds: float, burst: int
) -> tuple[float, float, float]:
    """Returns (deliveries, events, seconds of CPU) of ticks with `burst` events each, and of the rounds that follow."""
    async with trio.open_nursery() as nursery:
        log = Log(MemoryJournal(), stamp=stamp)
        await log.open()
        hub, pods = make_hub(log)
        await nursery.start(hub.run)
        for number in range(watchers):
            pods.watch(WatchRequest(selections(number), Json(), After(0), timeout=3600), Null())
        await trio.testing.wait_all_tasks_blocked()
        values = [pod(f"n{number % 5000}") for number in range(50)]
        revision, used, before = 0, 0.0, None
        while used < seconds:
            events = []
            for _ in range(burst):
                revision += 1
                value = stamp(values[revision % 50], revision)
                events.append(Event(revision, f"pods/a/{revision % 50}", value, False, before, 0, 0.0))
            began = time.process_time()
            hub.deliver(events)
            while hub.fan_out.busy:
                await trio.lowlevel.checkpoint()
            used += time.process_time() - began
        nursery.cancel_scope.cancel()
    return pods.dispatched, revision, used


async def memory(objects: int) -> None:
    """150,000 pods in the log's heads and in the cache, and lists of them."""
    gc.collect()
    empty = resident()
    async with trio.open_nursery() as nursery:
        log = Log(MemoryJournal(retention=Retention(bytes=1 << 20)), stamp=stamp, ring_bytes=1 << 20)
        await log.open()
        await nursery.start(log.run)
        hub, pods = make_hub(log)
        await nursery.start(hub.run)
        began = time.process_time()
        for number in range(objects):
            ticket = log.append_nowait(
                f"pods/namespace-{number % 50}/web-5d4f8c7b9-{number:06}", pod(f"n{number % 5000}")
            )
            if number % 500 == 499:
                await ticket.wait()
        await ticket.wait()
        report("write and cache", objects=objects, us_each=(time.process_time() - began) / objects * 1e6)
        stats = pods.stats()
        report(
            "memory",
            objects=objects,
            value_mb=stats.bytes / 1e6,
            resident_mb=(resident() - empty) / 1e6,
            ratio=(resident() - empty) / stats.bytes,
        )
        gc.collect()
        gc.freeze()
        for name, selection, plan in (
            ("list all", Selection(), plan_list(0)),
            ("list a page of 500", Selection(), plan_list(None, limit=500)),
            ("list a namespace", Selection("namespace-7/"), plan_list(0)),
            ("list one node", Selection(index=("spec.nodeName", "n7")), plan_list(0)),
        ):
            began = time.process_time()
            for _ in range(5):
                listing = await pods.list(selection, plan)
            report(name, entries=len(listing.entries), ms=(time.process_time() - began) / 5 * 1e3)
        sink = Null()
        began = time.process_time()
        pods.watch(WatchRequest(Selection(), Json(), Initial(), timeout=3600), sink)
        await trio.testing.wait_all_tasks_blocked()
        report("initial events", objects=objects, us_each=(time.process_time() - began) / objects * 1e6)
        again = make_hub(log)[0]
        began = time.process_time()
        await nursery.start(again.run)
        report("load", objects=objects, seconds=time.process_time() - began)
        nursery.cancel_scope.cancel()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def main(seconds: float, objects: int) -> None:
    await memory(objects)  # first: what others leave in the heap would hide what it takes
    for burst in (1, 20):
        handed, events, used = await deliver(1000, lambda _: Selection(), seconds, burst)
        report(
            "group of 1,000",
            events_a_tick=burst,
            deliveries_a_second=handed / used,
            events_a_second=events / used,
        )
    for watchers in (50, 5000):
        _, events, used = await deliver(
            watchers, lambda n: Selection(index=("spec.nodeName", f"n{n}")), seconds, 1
        )
        report("watchers by node", watchers=watchers, us_an_event=used / events * 1e6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--objects", type=int, default=150_000)
    arguments = parser.parse_args()
    trio.run(main, arguments.seconds, arguments.objects)
