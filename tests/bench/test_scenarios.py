"""Scenario files are read strictly, and held against their limits."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from watchcache.bench import BenchProblem, available, load_scenario
from watchcache.bench.coordinator import raise_descriptor_limit


@pytest.mark.parametrize("name", sorted(available()))
def test_the_scenarios_of_the_project_fit_their_limits(name: str):
    """Each can be read and plans no more than it allows itself."""
    scenario, _ = load_scenario(name)
    scenario.check()
    assert scenario.name == name
    assert scenario.about


def test_a_node_of_the_large_scenarios_holds_eighteen_watches():
    """What a kubelet and a kube-proxy open."""
    for name in ("100-nodes", "1000-nodes", "5000-nodes"):
        scenario, _ = load_scenario(name)
        assert len(scenario.nodes.watches) == 18


def written(tmp_path: Path, **changes: object) -> str:
    """A small scenario file with some fields changed."""
    document = {
        "name": "small",
        "nodes": {"count": 3},
        "phases": [{"name": "boot", "activities": [{"do": "boot"}]}],
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(document | changes))
    return str(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nods": {}}, "nods"),
        ({"phases": [{"name": "x", "activities": [{"do": "dance"}]}]}, "dance"),
        (
            {"phases": [{"name": "x", "activities": [{"do": "churn", "pods-per-second": 1, "lifetme": 2}]}]},
            "lifetme",
        ),
        ({"nodes": {"count": "many"}}, "int"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, changes: dict[str, object], message: str):
    """A misspelt field or activity is refused, not ignored."""
    with pytest.raises(BenchProblem, match=message):
        load_scenario(written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": {"count": 500}}, "500 connections"),
        ({"background": [{"do": "leases", "every": 0.001}]}, "writes a second"),
        ({"phases": [{"name": "x", "seconds": 9999}]}, "seconds"),
        ({"nodes": {"count": 1, "protocol": "quic"}}, "protocol"),
    ],
)
def test_a_plan_beyond_its_limits_is_refused(tmp_path: Path, changes: dict[str, object], message: str):
    """Before anything is sent."""
    scenario, _ = load_scenario(written(tmp_path, **changes))
    with pytest.raises(BenchProblem, match=message):
        scenario.check()


def test_an_unknown_name_tells_those_there_are():
    """The complaint lists the scenarios."""
    with pytest.raises(BenchProblem, match="100-nodes"):
        load_scenario("7-nodes")


def test_a_scenario_that_the_system_cannot_carry_is_refused(tmp_path: Path):
    """More connections than descriptors: before anything is started, with what to do about it."""
    limits = {"connections": 10**9, "watches": 10**9, "writes-per-second": 1, "seconds": 1}
    scenario, _ = load_scenario(written(tmp_path, nodes={"count": 10**8}, limits=limits))
    with pytest.raises(BenchProblem, match=r"needs 100,000,200 open files .* raise the hard limit"):
        raise_descriptor_limit(scenario)


def test_a_judged_phase_must_exist(tmp_path: Path):
    """A misspelt phase would be judged by nothing."""
    scenario, _ = load_scenario(written(tmp_path, flat={"phase": "chrun", "after": 1}))
    with pytest.raises(BenchProblem, match="chrun"):
        scenario.check()


def test_copies_are_watches(tmp_path: Path):
    """In the plan, and each with its number."""
    nodes = {
        "count": 2,
        "watches": [{"resource": "v1/pods", "fields": "spec.nodeName={number}-{copy}", "copies": 3}],
    }
    scenario, _ = load_scenario(written(tmp_path, nodes=nodes))
    assert scenario.nodes.watches_each == 3
    scopes = scenario.nodes.watches[0].scopes({"number": "7"})
    assert [scope.fields for scope in scopes] == [
        "spec.nodeName=7-0",
        "spec.nodeName=7-1",
        "spec.nodeName=7-2",
    ]
