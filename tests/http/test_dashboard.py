"""The dashboard and the alert rules name metrics and labels that a server has."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import yaml
from served import Client

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "grafana"
METRIC = re.compile(r"\b(?:apiserver|watchcache|process|kubernetes)_\w+")
SELECTED = re.compile(r"\b((?:apiserver|watchcache|process|kubernetes)_\w+)\{([^}]*)\}")


def dashboard_queries() -> Iterator[str]:
    """Every query of the dashboard."""
    document = json.loads((FOLDER / "watchcache.json").read_text())
    for panel in document["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def alert_queries() -> Iterator[str]:
    """Every condition of the rules."""
    document = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"].endswith(".")
            yield rule["expr"]


def queries() -> list[str]:
    """All of both."""
    return [*dashboard_queries(), *alert_queries()]


async def exposed(client: Client) -> dict[str, str]:
    """Name -> type of every metric of a server."""
    reply = await client.ask("GET", "/metrics")
    assert isinstance(reply.body, bytes)
    lines = [line.split() for line in reply.body.decode().splitlines() if line.startswith("# TYPE ")]
    return {name: kind for _, _, name, kind in lines}


async def test_every_metric_exists(client: Client):
    """A name that nobody exports makes an empty panel, and an alert that never fires."""
    known = await exposed(client)
    # the journal's figures come from the server's own source
    log = set(re.findall(r'"(watchcache_\w+)"', (ROOT / "watchcache" / "log_metrics.py").read_text()))
    named = {name for query in queries() for name in METRIC.findall(query)}
    missing = {name for name in named if name.removesuffix("_bucket") not in known.keys() | log}
    assert len(named) > 20
    assert missing == set()


async def test_counters_are_rates_and_gauges_are_not(client: Client):
    """As Prometheus' own linters ask."""
    known = await exposed(client)
    for query in queries():
        for name in METRIC.findall(query):
            is_counter = known.get(name, "counter" if name.endswith("_total") else "") == "counter"
            rated = re.search(rf"(?:rate|increase)\({name}\b", query) is not None
            assert rated == (is_counter or name.endswith("_bucket")), (name, query)


async def test_every_selected_label_exists(client: Client):
    """But for those that Prometheus adds."""
    await client.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}})
    await client.ask("GET", "/readyz")
    reply = await client.ask("GET", "/metrics")
    assert isinstance(reply.body, bytes)
    text = reply.body.decode()
    for query in queries():
        for name, selectors in SELECTED.findall(query):
            for label in re.findall(r"(\w+)(?:=|!=|=~|!~)\"", selectors):
                assert label == "job" or re.search(rf"^{name}\{{[^}}]*\b{label}=", text, re.MULTILINE), (
                    name,
                    label,
                )


def test_the_dashboard_is_what_its_script_writes():
    """Nobody edits JSON by hand."""
    script = runpy.run_path(str(ROOT / "scripts" / "build_dashboard.py"))
    assert (FOLDER / "watchcache.json").read_text() == script["text"]()
