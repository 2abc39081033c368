"""Admission webhooks of a running server: whom they hold up, and what holds after a restart and in several processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.webhooks.behaviours import BEHAVIOURS
from tests.webhooks.hook import Behaviour, Document, Hook, patch
from tests.webhooks.scene import Scene
from tests.webhooks.steps import (
    DEPLOYMENTS,
    MAPS,
    MERGE,
    MUTATING,
    PODS,
    VALIDATING,
    case,
    config_map,
    configuration,
    deployment,
    pod,
    webhook,
)
from watchcache.testing.server import TestServer

EVERYTHING = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}


class Gate:
    """A behaviour of which the first call waits."""

    def __init__(self) -> None:
        self.hook: Hook | None = None
        self.reviews: list[Document] = []
        self.asked = threading.Event()

    def __call__(self, review: Document) -> Document:
        self.reviews.append(review)
        self.asked.set()
        if len(self.reviews) == 1:
            assert self.hook is not None
            self.hook.wait_released(20)
        return patch({"op": "add", "path": "/data/hooked", "value": "yes"})


@pytest.fixture
def gate() -> Gate:
    """A behaviour that waits, at `/m/gate`."""
    return Gate()


@pytest.fixture
def scene(tmp_path: Path, gate: Gate) -> Iterator[Scene]:
    """A fresh server without configurations."""
    behaviours: dict[str, Behaviour] = {**BEHAVIOURS, "/m/gate": gate}
    with Hook(tmp_path / "hook", behaviours) as hook, TestServer(tmp_path) as server:
        gate.hook = hook
        yield Scene(server, hook)


def test_a_slow_webhook_holds_up_its_own_write_only(scene: Scene, gate: Gate):
    """Others of the same kind, and reads of the same object, do not wait for it."""
    scene.send("POST", MUTATING, configuration("Mutating", "slow", case("/m/gate", "slow")))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scene.send, "POST", MAPS, config_map("slow", "slow"))
        assert gate.asked.wait(20)
        assert scene.send("POST", MAPS, config_map("quick", "other")).status == 201
        assert scene.send("GET", f"{MAPS}/slow").status == 404
        scene.hook.released.set()
        assert slow.result().answer["data"] == {"a": "b", "hooked": "yes"}


def test_whoever_was_slower_is_admitted_again_on_the_newer_state(scene: Scene, gate: Gate):
    """A patch that waits while somebody else writes the object is made, and admitted, once more."""
    scene.send("POST", MAPS, config_map("one", "slow"))
    scene.send("POST", MUTATING, configuration("Mutating", "slow", case("/m/gate", "slow")))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(scene.send, "PATCH", f"{MAPS}/one", {"data": {"slow": "1"}}, type=MERGE)
        assert gate.asked.wait(20)
        scene.send("PATCH", f"{MAPS}/one", {"data": {"quick": "2"}}, type=MERGE)
        scene.hook.released.set()
        assert slow.result().answer["data"] == {"a": "b", "hooked": "yes", "quick": "2", "slow": "1"}
    old = [review["request"]["oldObject"]["data"] for review in gate.reviews]
    assert old == [{"a": "b"}, {"a": "b"}, {"a": "b", "hooked": "yes", "quick": "2"}]


def test_a_configuration_that_is_gone_asks_nobody(scene: Scene):
    """From the moment at which its deletion is answered."""
    scene.send("POST", VALIDATING, configuration("Validating", "all", webhook("/v/deny")))
    assert scene.send("POST", MAPS, config_map("one")).status == 400
    scene.send("DELETE", f"{VALIDATING}/all")
    assert scene.send("POST", MAPS, config_map("one")).status == 201


def test_owners_are_shown_and_stay_as_they_are(scene: Scene):
    """What a webhook adds nobody owns."""
    scene.send("POST", MUTATING, configuration("Mutating", "label", case("/m/label")))
    made = scene.send("POST", f"{MAPS}?fieldManager=me", config_map("one", "label")).answer
    shown = scene.hook.take()[0].review["request"]["object"]["metadata"]["managedFields"]
    assert made["metadata"]["labels"] == {"case": "label", "hooked": "yes"}
    assert made["metadata"]["managedFields"] == shown
    assert shown[0]["fieldsV1"] == {
        "f:data": {".": {}, "f:a": {}},
        "f:metadata": {"f:labels": {".": {}, "f:case": {}}},
    }


def test_what_webhooks_took_is_counted(scene: Scene):
    """Under kube-apiserver's names; nothing before there are any."""
    assert scene.metrics() == []
    cases = (
        case("/m/deny"),
        case("/m/500"),
        case("/m/500", "open", failurePolicy="Ignore"),
        case("/m/label"),
    )
    scene.send("POST", MUTATING, configuration("Mutating", "cases", *cases))
    for label in ("deny", "500", "open", "label"):
        scene.send("POST", MAPS, config_map(label, label))
    prefix = "apiserver_admission_webhook_"
    counted = [line.removeprefix(prefix) for line in scene.metrics() if "_seconds" not in line]
    assert sorted(counted) == [
        'fail_open_count{name="open.example.com",type="admit"} 1.0',
        'rejection_count{error_type="calling_webhook_error",name="500.example.com",operation="CREATE",rejection_code="500",type="admit"} 1.0',
        'rejection_count{error_type="no_error",name="deny.example.com",operation="CREATE",rejection_code="400",type="admit"} 1.0',
        'request_total{code="200",name="label.example.com",operation="CREATE",rejected="false",type="admit"} 1.0',
        'request_total{code="400",name="deny.example.com",operation="CREATE",rejected="true",type="admit"} 1.0',
        'request_total{code="500",name="500.example.com",operation="CREATE",rejected="true",type="admit"} 1.0',
        'request_total{code="500",name="open.example.com",operation="CREATE",rejected="false",type="admit"} 1.0',
    ]
    assert any(line.startswith(f"{prefix}admission_duration_seconds_count") for line in scene.metrics())


def test_a_server_starts_although_its_webhooks_are_gone(tmp_path: Path):
    """What a start writes asks nobody; what clients write asks as before."""
    settings = {"storage_backend": "file"}
    with Hook(tmp_path / "hook", BEHAVIOURS) as hook, TestServer(tmp_path, **settings) as server:
        scene = Scene(server, hook)
        everything = webhook("/v/allow", rules=[EVERYTHING])
        assert scene.send("POST", VALIDATING, configuration("Validating", "all", everything)).status == 201
    with TestServer(tmp_path, **settings, advertise_address="10.1.1.1") as server:
        scene = Scene(server, hook)
        answered = scene.send("POST", MAPS, config_map("one"))
        assert answered.status == 500
        assert answered.answer["message"].endswith("connect: connection refused")


def test_webhooks_are_asked_by_the_process_that_writes(tmp_path: Path):
    """Workers pass writes on, and warnings back."""
    with Hook(tmp_path / "hook", BEHAVIOURS) as hook, TestServer(tmp_path, workers=2) as server:
        scene = Scene(server, hook)
        scene.send("POST", VALIDATING, configuration("Validating", "warn", webhook("/v/warn")))
        for number in range(4):
            answered = scene.send("POST", MAPS, config_map(f"map-{number}"))
            assert answered.status == 201
            assert answered.warnings == ['299 - "and \\"this\\""', '299 - "mind the gap"']


def test_what_is_no_object_of_its_resource_is_changed_as_such(scene: Scene):
    """A scale, a binding: the webhook sees them, and not the workload or the pod behind them."""
    below = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"]}
    scaling = webhook("/m/replicas", rules=[{**below, "resources": ["deployments/scale"]}])
    binding = webhook("/m/label", rules=[{**below, "resources": ["pods/binding"]}])
    scene.send("POST", MUTATING, configuration("Mutating", "below", scaling, binding))
    scene.send("POST", DEPLOYMENTS, deployment("one", "x"))
    answered = scene.send("PATCH", f"{DEPLOYMENTS}/one/scale", {"spec": {"replicas": 2}}, type=MERGE)
    assert (answered.status, answered.answer["spec"]) == (200, {"replicas": 5})
    assert scene.send("GET", f"{DEPLOYMENTS}/one").answer["spec"]["replicas"] == 5
    scene.send("POST", PODS, pod("one", "x"))
    bound = {"metadata": {"name": "one"}, "target": {"kind": "Node", "name": "n"}}
    assert scene.send("POST", f"{PODS}/one/binding", bound).status == 201
    found = scene.send("GET", f"{PODS}/one").answer
    assert found["spec"]["nodeName"] == "n"
    assert found["metadata"]["labels"] == {"case": "x", "hooked": "yes"}
    kinds = [asked.review["request"]["kind"]["kind"] for asked in scene.hook.take()]
    assert kinds == ["Scale", "Binding"]
