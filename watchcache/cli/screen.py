"""The screen of `watchcache top`: text from two scrapes and the list of watchers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from watchcache.cli.scrape import Span

DISPATCH = "apiserver_watch_events_dispatch_duration_seconds"
DURATION = "apiserver_request_duration_seconds"
COLUMNS = ("USER", "ADDRESS", "AGENT", "RESOURCE", "SCOPE", "STATE", "AGE", "REVISIONS", "LATE", "QUEUED")
RIGHT = frozenset({"AGE", "REVISIONS", "LATE", "QUEUED"})
WIDEST = 32  # a cell's


def screen(server: str, clock: str, page: Mapping[str, Any], span: Span, width: int = 0) -> str:
    """All of it; lines are cut at `width` unless that is 0."""
    lines = [f"watchcache top  {server}  {clock}  revision {page['revision']}", *_figures(span, page), ""]
    watchers = page["watchers"]
    if any("process" in watcher for watcher in watchers):  # a server of several
        rows = ((watcher["process"], *_row(watcher)) for watcher in watchers)
        lines.extend(table(("PROCESS", *COLUMNS), rows))
    else:
        lines.extend(table(COLUMNS, map(_row, watchers)))
    return "\n".join(line[:width] if width else line for line in lines) + "\n"


def _figures(span: Span, page: Mapping[str, Any]) -> Iterator[str]:
    after, rate = span.after, span.rate
    flow = "apiserver_flowcontrol_"
    refused = rate(f"{flow}rejected_requests_total") + rate("watchcache_list_rejected_total")
    yield (
        f"requests  {rate('apiserver_request_total'):,.1f}/s  {_quantiles(span, DURATION)}  "
        f"in flight {after.sum(f'{flow}current_executing_requests'):.0f}  "
        f"waiting {after.sum(f'{flow}current_inqueue_requests'):.0f}  refused {refused:,.1f}/s  "
        f"lists {size(after.sum('watchcache_list_bytes'))}"
    )
    yield (
        f"events    {span.held_rate('apiserver_storage_events_received_total'):,.1f}/s in  "
        f"{rate('apiserver_watch_events_total'):,.1f}/s out  {size(rate('watchcache_watch_given_bytes_total'))}/s  "
        f"commit to sink {_quantiles(span, DISPATCH, stage='total')}"
    )
    total = page["total"]
    states = "  ".join(f"{name} {count:,}" for name, count in total["states"].items())
    held = after.sum("watchcache_watch_held")
    yield (
        f"watches   {total['watchers']:,}  {states or 'none'}  held {held:.0f}  queued {size(total['queuedBytes'])}  "
        f"latest by {seconds(total['lagMilliseconds'] / 1000)}"
    )
    cpu = 100 * rate("process_cpu_seconds_total")
    yield (
        f"server    cpu {cpu:.0f} %  memory {size(after.sum('process_resident_memory_bytes'))}  "
        f"files {after.sum('process_open_fds'):.0f}  objects {after.held('apiserver_resource_objects'):,.0f}  "
        f"journal {size(after.sum('apiserver_storage_size_bytes'))}"
    )


def _quantiles(span: Span, name: str, **labels: str) -> str:
    half, most = span.quantile(0.5, name, **labels), span.quantile(0.99, name, **labels)
    return f"p50 {seconds(half)} p99 {seconds(most)}"


def _row(watcher: Mapping[str, Any]) -> tuple[str, ...]:
    resource = ".".join(part for part in (watcher["resource"], watcher["group"]) if part)
    scope = watcher["namespace"] or "*"
    for selector in (watcher["name"], watcher["fieldSelector"], watcher["labelSelector"]):
        if selector:
            scope += f" {selector}"
    return (
        watcher["user"],
        watcher["address"],
        watcher["userAgent"].partition(" ")[0],
        resource,
        scope,
        watcher["state"],
        seconds(watcher["ageSeconds"]),
        f"{watcher['lagRevisions']:,}",
        seconds(watcher["lagMilliseconds"] / 1000),
        size(watcher["queuedBytes"]),
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Aligned columns, the numbers to the right."""
    cells = [columns, *([printable(cell)[:WIDEST] for cell in row] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    for row in cells:
        aligned = (
            cell.rjust(width) if column in RIGHT else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def printable(text: str) -> str:
    """Without what could steer a terminal: users and agents name themselves."""
    return "".join(c if c.isprintable() else "?" for c in text)


def seconds(value: float | None) -> str:
    """A time in the unit that suits it."""
    if value is None:
        return "-"
    if value >= 3600:
        return f"{value / 3600:.1f}h"
    if value >= 60:
        return f"{value / 60:.1f}m"
    if value >= 1:
        return f"{value:.1f}s"
    return f"{value * 1000:.1f}ms" if value else "0"


def size(value: float) -> str:
    """Bytes in the unit that suits them."""
    for unit in ("", "Ki", "Mi"):
        if value < 1024:
            return f"{value:.0f}{unit}" if not unit else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}Gi"
