"""A whole run by the command, on a small cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from watchcache.bench import compare, load_scenario, read_result
from watchcache.bench.proc import family
from watchcache.bench.report.page import render
from watchcache.cli.main import main

SMALL = """
name: small
about: everything once
nodes: &nodes
  count: 6
  watches:
    - {resource: v1/pods, fields: "spec.nodeName={node}", group: node}
    - {resource: discovery.k8s.io/v1/endpointslices, labels: "!headless", group: broadcast}
    - {resource: v1/configmaps, namespace: "{namespace}", fields: metadata.name=config-0, group: object}
controllers: {count: 1, watches: [{resource: v1/pods, group: controller}, {resource: v1/configmaps, group: controller}]}
objects: {namespaces: 2, services: 2}
background: [{do: leases, every: 1}, {do: node-status, every: 2}]
processes: 2
slo: {watch: {node: 30, broadcast: 30, controller: 30}, mutating: 30, pacing: 30}
phases:
  - {name: boot, storms: true, activities: [{do: boot}]}
  - name: steady
    seconds: 1
    activities:
      - {do: churn, pods-per-second: 10, lifetime: 0.3, pull: 0.1}
      - {do: broadcast, every: 0.1, endpoints: 5}
      - {do: poll, count: 1, every: 0.3}
      - {do: watchers, count: 1, protocol: http1, watches: [{resource: v1/pods, group: controller}]}
      - {do: rolling-update, replicas: 4, batch: 2, every: 0.1}
      - {do: delete-namespace, pods: 5, config-maps: 5}
      - {do: hinder, share: 0.5, seconds: 0.5}
  - {name: storm, disrupts: true, activities: [{do: storm}, {do: broadcast, every: 0.05, endpoints: 5}]}
  - {name: kill, disrupts: true, activities: [{do: kill-server, down: 0.2}]}
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """The command's status and the result file."""
    folder = tmp_path_factory.mktemp("bench")
    folder.joinpath("small.yaml").write_text(SMALL)
    output = folder / "out.json"
    return main(["bench", "run", "--scenario", str(folder / "small.yaml"), "-o", str(output)]), output


def test_nothing_is_lost_and_all_objectives_hold(outcome: tuple[int, Path]):
    """Through churn, storm and kill: every event once, in order, without a relist."""
    status, output = outcome
    result = read_result(output)
    assert [slo for slo in result["slos"] if not slo["passed"]] == []
    assert status == 0
    assert result["check"]["watches"] == 6 * 3 + 2 + 1
    assert result["check"]["events"] > 100
    assert result["check"]["written"] > 50
    assert result["notes"] == []


def test_the_result_tells_what_happened_when(outcome: tuple[int, Path]):
    """Phases in order, latencies by group and verb, resumes after the storm and the kill, the server's CPU and memory."""
    result = read_result(outcome[1])
    phases = {phase["name"]: phase for phase in result["phases"]}
    assert list(phases) == ["preparation", "boot", "steady", "storm", "kill"]
    assert {"watch|node", "watch|broadcast", "watch|controller", "request|PUT leases"} <= set(
        phases["steady"]["histograms"]
    )
    assert "request|LIST pods (cluster)" in phases["steady"]["histograms"]
    for name in ("storm", "kill"):
        assert "resume|all watches" in phases[name]["histograms"]
    assert max(second["memory"]["server"] for second in result["seconds"]) > 10_000_000


def test_the_report_stands_alone(outcome: tuple[int, Path]):
    """One file: the verdict, a plot for each question, nothing fetched and no scripts."""
    page = outcome[1].with_suffix(".html").read_text()
    assert "objectives held" in page
    assert page.count("<svg") == 10
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_result_compared_with_itself_is_the_same(
    outcome: tuple[int, Path], capsys: pytest.CaptureFixture[str]
):
    """All ratios are one."""
    assert main(["bench", "compare", str(outcome[1]), str(outcome[1])]) == 0
    table = capsys.readouterr().out
    assert "watch node p99" in table
    ratios = {line.split()[-1] for line in table.splitlines()[1:] if "p99" in line}
    assert ratios == {"1.00"}
    result = read_result(outcome[1])
    assert compare(result, result) == table


def test_names_from_outside_are_escaped(outcome: tuple[int, Path]):
    """A phase may be called anything."""
    text = outcome[1].read_text().replace('"steady"', '"<b>&"')
    page = render(json.loads(text))
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]):
    """With what it is about."""
    assert main(["bench", "list"]) == 0
    printed = capsys.readouterr().out
    for name in ("100-nodes", "1000-nodes", "5000-nodes"):
        assert f"{name} " in printed
        assert load_scenario(name)[0].about in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--scenario", "nowhere"], "no scenario 'nowhere'"),
        (["run", "--scenario", "100-nodes", "--pid", "x"], "NAME=PID"),
        (["run", "--scenario", "100-nodes", "--kubeconfig", "/nonexistent"], "cannot read the kubeconfig"),
        (["run", "--scenario", "100-nodes", "--data-directory"], "expected one argument"),
        (["compare", "/nonexistent", "/nonexistent"], "cannot read"),
        (["dance"], "dance"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    """Status 2, and what is wrong."""
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_one_hundred_nodes(tmp_path: Path):
    """The scenario for continuous integration: whatever the machine's speed, nothing is lost and nobody relists."""
    output = tmp_path / "out.json"
    main(["bench", "run", "--scenario", "100-nodes", "-o", str(output)])
    slos = {slo["name"]: slo["measured"] for slo in read_result(output)["slos"]}
    for name in (
        "events lost",
        "events nobody wrote",
        "events repeated",
        "events out of order",
        "acknowledged writes lost",
        "relists",
    ):
        assert (name, slos[name]) == (name, "0")


@contextmanager
def waiting_run(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run in a phase in which nothing happens, and its processes: the command, the server, a load process."""
    scenario = tmp_path / "long.yaml"
    scenario.write_text("name: long\nphases: [{name: wait, seconds: 60}]\n")
    output = str(tmp_path / "o.json")
    command = [sys.executable, "-m", "watchcache", "bench", "run", "--scenario", str(scenario), "-o", output]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(" s  wait " in line for line in process.stderr)
        started = family(process.pid)
        assert len(started) == 3
        yield process, started
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_a_run_that_is_told_to_end_leaves_no_server(tmp_path: Path):
    """SIGTERM ends the command with status 2, and the server and the clients that it had started with it."""
    with waiting_run(tmp_path) as (process, _):
        process.terminate()
        process.terminate()  # as `timeout` does: to the command, and to its group
        assert process.wait(20) == 2


def test_a_run_ends_when_its_clients_die(tmp_path: Path):
    """At once, with status 2: a load that is not there must not be reported as one that was borne."""
    with waiting_run(tmp_path) as (process, started):
        client = next(pid for pid in started if b"bench.process" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(client, signal.SIGKILL)
        assert process.wait(20) == 2
        assert process.stderr is not None
        assert "load process 0 has died" in process.stderr.read()
