"""The soak and the fan-out in a few seconds, on a server with workers: the same activities and objectives, a small cluster."""

from __future__ import annotations

import pytest

from watchcache.bench import read_result
from watchcache.bench.record import Plain
from watchcache.cli.main import main

SCENARIO = """
name: long runs
server: [--watchcache-workers=2, --watchcache-history-time=5s, --watchcache-history-bytes=1Mi]
nodes:
  count: 8
  watches:
    - {resource: v1/pods, fields: "spec.nodeName={node}", group: node}
    - {resource: discovery.k8s.io/v1/endpointslices, group: broadcast}
controllers: {count: 1, watches: [{resource: v1/pods, group: controller}]}
objects: {namespaces: 2, services: 2}
background: [{do: leases, every: 1}]
slo: {watch: {}, mutating: 60, reading-object: 60, pacing: 60, cost: 1000}
flat: {phase: churn, after: 1, memory-percent: 100, descriptors: 50, journal-percent: 1000, lag-milliseconds: 10000}
phases:
  - {name: boot, storms: true, activities: [{do: boot}]}
  - name: open
    storms: true
    activities:
      - do: watchers
        count: 3
        watches: [{resource: discovery.k8s.io/v1/endpointslices, group: all, copies: 4}, {resource: v1/pods, fields: "spec.nodeName=crowd-{number}-{copy}", group: one, copies: 4}]
      - {do: place, watchers: 12, copies: 4, pods: 6}
  - {name: all, seconds: 1, costs: {of: all, watchers: 12}, activities: [{do: broadcast, every: 0.02, endpoints: 5, times: 40}]}
  - {name: one, seconds: 1, costs: {of: one, watchers: 12}, activities: [{do: touch, watchers: 12, per-second: 100, pods: 6, times: 60}]}
  - name: churn
    seconds: 11.5
    activities:
      - {do: churn, pods-per-second: 10, lifetime: 0.3, pull: 0.1}
      - {do: broadcast, every: 0.2, endpoints: 5}
      - {do: repeat, every: 1, activity: {do: storm, share: 0.3}}
      - {do: repeat, every: 2, activity: {do: delete-namespace, pods: 4, config-maps: 2}}
      - {do: repeat, every: 2, activity: {do: hinder, share: 0.3, seconds: 0.3, recover: 0.3}}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """What came of it."""
    folder = tmp_path_factory.mktemp("long")
    folder.joinpath("long.yaml").write_text(SCENARIO)
    output = folder / "out.json"
    main(["bench", "run", "--scenario", str(folder / "long.yaml"), "-o", str(output)])
    read = read_result(output)
    read["page"] = output.with_suffix(".html").read_text()
    return read


def test_every_objective_of_both_is_judged_and_holds(result: Plain):
    """Nothing is lost in it either, and who cuts its own connection does not count as lost."""
    assert [slo for slo in result["slos"] if not slo["passed"]] == []
    names = {slo["name"] for slo in result["slos"]}
    assert {f"growth of {name}" for name in ("memory", "descriptors", "journal", "lag")} <= names
    returns = sum(phase["counters"].get("returns", 0) for phase in result["phases"])
    assert returns >= 4
    assert result["check"]["watches"] == 8 * 2 + 1 + 3 * 8


def test_an_event_for_one_watcher_goes_to_one_watcher(result: Plain):
    """The pods lie on the nodes that are watched, each on another's; an event for all goes to all."""
    rows = {row["of"]: row for row in result["costs"]}
    assert sum(rows["one"]["latency"].values()) == 60
    assert rows["all"]["writes"] >= 40
    assert rows["all"]["deliveries"] >= 40 * (12 + 8)


def test_each_process_of_the_server_is_measured(result: Plain):
    """The one that writes and both workers, in every phase and second, and in the report."""
    names = {"server", "server worker 1", "server worker 2"}
    churn = result["phases"][-1]
    assert names <= set(churn["cpu"])
    assert sum(churn["cpu"][name] for name in names) > 0
    assert names <= set(result["seconds"][-1]["memory"])
    assert all(f"<th>{name}</th>" in result["page"] for name in names)


def test_the_report_shows_the_lines_that_were_judged(result: Plain):
    """A plot for each, and those of the cost."""
    for title in (
        "What must not grow",
        "What watchers cost",
        "Memory, MiB",
        "Descriptors",
        "Journal, MiB",
        "Lag, ms",
    ):
        assert title in result["page"]
