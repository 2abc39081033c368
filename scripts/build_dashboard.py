"""Makes docs/grafana/watchcache.json, the Grafana dashboard, from the rows below.

python scripts/build_dashboard.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).parent.parent / "docs" / "grafana" / "watchcache.json"
DISPATCH = "apiserver_watch_events_dispatch_duration_seconds"
TOTAL = ',stage="total"'
WINDOW = "$__rate_interval"
WIDTH, HEIGHT = 8, 8  # three panels in a row of Grafana's 24 columns
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One graph: its queries are (PromQL, legend)."""

    title: str
    unit: str  # Grafana's name
    queries: tuple[tuple[str, str], ...]
    about: str = ""


def rate(name: str, by: str = "", labels: str = "") -> str:
    """A counter's increase in a second."""
    grouped = f" by ({by})" if by else ""
    return f'sum{grouped} (rate({name}{{job=~"$job"{labels}}}[{WINDOW}]))'


def now(name: str, by: str = "") -> str:
    """A gauge."""
    grouped = f" by ({by})" if by else ""
    return f'sum{grouped} ({name}{{job=~"$job"}})'


def held(name: str, by: str) -> str:
    """A gauge of what each process of a server holds all of: not to be added up."""
    return f'max by ({by}) ({name}{{job=~"$job"}})'


def quantile(part: float, name: str, by: str = "", labels: str = "") -> str:
    """A quantile of a histogram."""
    return f"histogram_quantile({part}, {rate(f'{name}_bucket', f'le{by}', labels)})"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Watches",
        (
            Panel(
                "Commit to sink",
                "s",
                tuple((quantile(part, DISPATCH, labels=TOTAL), name) for part, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))),
                "From the writer's turn until the event has been written to every live watcher that wants it.",
            ),
            Panel("Commit to sink by stage, p99", "s", ((quantile(0.99, DISPATCH, ",stage"), "{{stage}}"),), "journal: until it is durable; deliver: from there to the sinks."),
            Panel("Commit to sink by resource, p99", "s", ((f"topk(10, {quantile(0.99, DISPATCH, ',group,resource', TOTAL)})", "{{resource}}.{{group}}"),)),
            Panel("Deliveries", "ops", ((f"topk(10, {rate('apiserver_watch_events_total', 'group,resource')})", "{{resource}}.{{group}}"),)),
            Panel("Bytes to watches", "Bps", ((rate("watchcache_watch_given_bytes_total"), "given"),)),
            Panel("Watches", "short", ((f"topk(10, {now('watchcache_watchers', 'group,resource')})", "{{resource}}.{{group}}"),)),
            Panel(
                "Watches that are behind",
                "short",
                ((f"{now('watchcache_watchers')} - {now('watchcache_watchers_live')}", "catching up or parked"), (now("watchcache_watch_held"), "held")),
                "Parked: their readers are slow. Held: too much waits for all watches together. `watchcache top` says whose they are.",
            ),
            Panel("Waiting for watches", "bytes", ((now("watchcache_watch_queued_bytes"), "queued"),), "When last measured: that is done while much is being sent."),
            Panel("Groups", "short", ((now("watchcache_watch_groups"), "groups"),), "Watches of one group share their bytes."),
        ),
    ),
    (
        "Requests",
        (
            Panel("Requests", "reqps", ((rate("apiserver_request_total", "verb"), "{{verb}}"),)),
            Panel("Requests by code", "reqps", ((rate("apiserver_request_total", "code"), "{{code}}"),)),
            Panel("Latency, p99", "s", ((quantile(0.99, "apiserver_request_duration_seconds", ",verb", ',verb!="WATCH"'), "{{verb}}"),)),
            Panel("Seats taken", "short", ((now("apiserver_flowcontrol_current_executing_requests", "priority_level"), "{{priority_level}}"), (now("apiserver_flowcontrol_current_inqueue_requests", "priority_level"), "{{priority_level}} waiting"))),
            Panel("Refused", "reqps", ((rate("apiserver_flowcontrol_rejected_requests_total", "priority_level"), "{{priority_level}}"), (rate("watchcache_list_rejected_total"), "large lists"))),
            Panel("Large lists on their way", "bytes", ((now("watchcache_list_bytes"), "bytes"),)),
        ),
    ),
    (
        "Storage and process",
        (
            Panel("Writes", "ops", ((rate("watchcache_journal_events_total"), "writes"), (rate("watchcache_journal_commits_total"), "commits"))),
            Panel("Time of a commit", "s", ((f"{rate('watchcache_journal_commit_seconds_total')} / {rate('watchcache_journal_commits_total')}", "mean"),)),
            Panel("History", "short", ((f"{now('watchcache_log_revision')} - {now('watchcache_log_oldest_revision')}", "revisions that a watch can go back"),)),
            Panel("Objects", "short", ((f"topk(10, {held('apiserver_resource_objects', 'group,resource')})", "{{resource}}.{{group}}"),)),
            Panel("Memory", "bytes", ((now("process_resident_memory_bytes"), "resident"), (now("watchcache_object_bytes"), "objects"), (now("watchcache_window_bytes"), "history in memory"))),
            Panel("CPU", "percentunit", ((rate("process_cpu_seconds_total"), "cores"),)),
        ),
    ),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        place = {"h": 1, "w": 24, "x": 0, "y": top}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []})
        for number, panel in enumerate(row):
            x, y = number % 3 * WIDTH, top + 1 + number // 3 * HEIGHT
            panels.append(graph(panel, len(panels) + 1, {"h": HEIGHT, "w": WIDTH, "x": x, "y": y}))
        top += 1 + -(-len(row) // 3) * HEIGHT
    return {
        "uid": "watchcache",
        "title": "Watchcache",
        "tags": ["kubernetes", "watchcache"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
                {
                    "name": "job",
                    "type": "query",
                    "label": "Job",
                    "datasource": PROMETHEUS,
                    "query": "label_values(watchcache_log_revision, job)",
                    "includeAll": True,
                    "multi": True,
                    "refresh": 1,
                },
            ]
        },
        "panels": panels,
    }


def graph(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    """One time series."""
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": PROMETHEUS,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": expr, "legendFormat": legend, "datasource": PROMETHEUS}
            for at, (expr, legend) in enumerate(panel.queries)
        ],
    }


def text() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
