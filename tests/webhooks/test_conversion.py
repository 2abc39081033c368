"""Versions that a webhook makes, on a running server: watches, failures, workers, admission."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.converting import (
    BEHAVIOURS,
    DEFINITION,
    DEFINITIONS,
    ONE,
    STORAGE_MOVES,
    TWO,
    converted,
    definition,
    point,
)
from tests.webhooks.hook import Behaviour, Document, Hook, Raw, patch
from tests.webhooks.scene import Scene
from tests.webhooks.steps import MERGE, MUTATING, configuration, webhook
from watchcache.testing.server import TestServer


class Moody:
    """Converts when it is in the mood; one object may never be converted."""

    def __init__(self) -> None:
        self.willing = True
        self.hated = ""
        self.asked: list[int] = []

    def __call__(self, review: Document) -> Document | Raw | None:
        objects = review["request"]["objects"]
        self.asked.append(len(objects))
        if not self.willing or any(each["metadata"]["name"] == self.hated for each in objects):
            return Raw(500, b"not now", "text/plain")
        return BEHAVIOURS["/c/good"](review)


@pytest.fixture
def moody() -> Moody:
    """The webhook at `/c/moody`."""
    return Moody()


def add_host(review: Document) -> Document:
    """An admission webhook that knows `v1` only."""
    assert review["request"]["object"]["apiVersion"].endswith("/v1")
    return patch({"op": "add", "path": "/spec/host", "value": "admitted"})


def behaviours(moody: Moody) -> dict[str, Behaviour]:
    """By path."""
    return {**BEHAVIOURS, "/c/moody": moody, "/m/host": add_host}


@pytest.fixture
def scene(tmp_path: Path, moody: Moody) -> Iterator[Scene]:
    """A server with the definition, whose webhook is the moody one."""
    with Hook(tmp_path / "hook", behaviours(moody)) as hook, TestServer(tmp_path) as server:
        scene = Scene(server, hook)
        assert scene.send("POST", DEFINITIONS, definition("/c/moody")).status == 201
        yield scene


def shown(event: tuple[str, Any]) -> tuple[str, str, str, str]:
    """What of an event a test compares."""
    kind, found = event
    return kind, found["apiVersion"].rpartition("/")[2], found["metadata"]["name"], found["spec"]["hostPort"]


def test_a_watch_shows_every_change_in_its_version_and_in_order(scene: Scene):
    """The state first, then what happens, whichever version it was written in; with the revisions of the log."""
    scene.send("POST", ONE, point("one", "v1", host="h", port=1))
    with scene.watching(f"{TWO}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan") as events:
        assert shown(next(events)) == ("ADDED", "v2", "one", "h:1")
        scene.send("POST", TWO, point("two", "v2", hostPort="g:2"))
        for port in range(5):
            scene.send("PATCH", f"{ONE}/one", {"spec": {"port": port}}, type=MERGE)
        gone = scene.send("DELETE", f"{ONE}/one")
        assert gone.status == 200
        assert shown(next(events)) == ("ADDED", "v2", "two", "g:2")
        changes = [next(events) for _ in range(5)]
        assert [shown(each) for each in changes] == [
            ("MODIFIED", "v2", "one", f"h:{port}") for port in range(5)
        ]
        assert shown(next(events)) == ("DELETED", "v2", "one", "h:4")
    kept = [each[1]["metadata"]["resourceVersion"] for each in changes]
    assert kept == sorted(kept, key=int)
    with scene.watching(f"{TWO}?watch=1&resourceVersion={kept[2]}&labelSelector=of%3Dv1") as events:
        assert [shown(next(events))[0] for _ in range(3)] == ["MODIFIED", "MODIFIED", "DELETED"]


def test_reads_come_after_the_writes_that_were_answered(scene: Scene):
    """In every version, however the write was made."""
    scene.send("POST", ONE, point("one", "v1", host="h", port=0))
    for port in range(20):
        scene.send("PATCH", f"{ONE}/one", {"spec": {"port": port}}, type=MERGE)
        assert scene.send("GET", f"{TWO}/one").answer["spec"]["hostPort"] == f"h:{port}"
        listed = scene.send("GET", TWO).answer["items"]
        assert [each["spec"]["hostPort"] for each in listed] == [f"h:{port}"]


def test_a_webhook_that_fails_delays_watches_and_nothing_else(scene: Scene, moody: Moody):
    """What is kept is read and written without it; who reads the other version is told; the watch misses nothing."""
    scene.send("POST", ONE, point("one", "v1", host="h", port=1))
    with scene.watching(f"{TWO}?watch=1&resourceVersion=0") as events:
        assert shown(next(events)) == ("ADDED", "v2", "one", "h:1")
        moody.willing = False
        for port in (2, 3):
            assert scene.send("PATCH", f"{ONE}/one", {"spec": {"port": port}}, type=MERGE).status == 200
        assert scene.send("GET", f"{ONE}/one").answer["spec"]["port"] == 3
        for path in (TWO, f"{TWO}/one", f"{TWO}?watch=1"):
            answered = scene.send("GET", path)
            assert answered.status == 500
            assert answered.answer["message"] == (
                "conversion webhook for convert.example.com/v1, Kind=Point failed: "
                'an error on the server ("not now") has prevented the request from succeeding'
            )
        moody.willing = True
        assert scene.send("GET", f"{TWO}/one").answer["spec"]["hostPort"] == "h:3"
        assert [shown(next(events)) for _ in range(2)] == [
            ("MODIFIED", "v2", "one", "h:2"),
            ("MODIFIED", "v2", "one", "h:3"),
        ]


def test_one_object_that_cannot_be_converted_hides_no_other(scene: Scene, moody: Moody):
    """A list of all fails, a read of another does not."""
    for name in ("one", "bad"):
        scene.send("POST", ONE, point(name, "v1", host="h", port=1))
    moody.hated = "bad"
    assert scene.send("GET", TWO).status == 500
    assert scene.send("GET", f"{TWO}/one").answer["spec"]["hostPort"] == "h:1"
    assert scene.send("GET", f"{TWO}/bad").status == 500


def test_many_objects_are_converted_together(scene: Scene, moody: Moody):
    """And only once: lists and reads after the first find them converted."""
    for number in range(300):
        scene.send("POST", ONE, point(f"p{number}", "v1", host="h", port=number))
    assert moody.asked == []
    assert len(scene.send("GET", TWO).answer["items"]) == 300
    assert len(scene.send("GET", f"{TWO}?limit=10").answer["items"]) == 10
    assert moody.asked == [256, 44]


def test_a_changed_definition_ends_watches(scene: Scene):
    """As it does for versions that nobody converts."""
    scene.send("POST", ONE, point("one", "v1", host="h", port=1))
    with scene.watching(f"{TWO}?watch=1") as events:
        assert shown(next(events)) == ("ADDED", "v2", "one", "h:1")
        changed = {"spec": {"conversion": {"webhook": {"clientConfig": {"url": "{hook}/c/decorated"}}}}}
        assert scene.send("PATCH", DEFINITION, changed, type=MERGE).status == 200
        assert list(events) == []
    assert scene.send("GET", f"{TWO}/one").answer["metadata"]["annotations"] == {"by": "hook"}


def test_admission_webhooks_see_the_version_that_their_rules_name(scene: Scene):
    """What they change of it comes back in the version that was sent."""
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["v1"], "resources": ["points"]}
    scene.send("POST", MUTATING, configuration("Mutating", "host", webhook("/m/host", rules=[rule])))
    made = scene.send("POST", TWO, point("one", "v2", hostPort="h:1"))
    assert made.answer["spec"]["hostPort"] == "admitted:1"
    asked = [each.review["request"] for each in scene.hook.take() if each.path.startswith("/m/")]
    assert [(each["kind"]["version"], each["requestKind"]["version"]) for each in asked] == [("v1", "v2")]


def test_workers_convert_for_their_own_readers(tmp_path: Path, moody: Moody):
    """Whoever writes, all read what was written, in both versions."""
    with Hook(tmp_path / "hook", behaviours(moody)) as hook, TestServer(tmp_path, workers=2) as server:
        scene = Scene(server, hook)
        scene.send("POST", DEFINITIONS, definition("/c/moody"))
        for number in range(8):
            made = scene.send("POST", TWO, point(f"p{number}", "v2", hostPort=f"h:{number}"), until=201)
            assert made.answer["spec"]["hostPort"] == f"h:{number}"
            found = scene.send("GET", f"{TWO}/p{number}").answer
            assert found == made.answer
            assert len(scene.send("GET", TWO).answer["items"]) == number + 1
            assert scene.send("GET", f"{ONE}/p{number}").answer["spec"]["port"] == number


def test_converting_there_and_back_is_what_the_tests_suppose():
    """The webhook of the tests loses nothing."""
    one = point("one", "v1", host="h", port=1)
    two = converted(one, "convert.example.com/v2")
    assert converted(two, "convert.example.com/v1") == one


def test_what_was_kept_in_another_version_is_what_it_was(tmp_path: Path, moody: Moody):
    """Beside what is kept in the present one; also after a restart, and when it is written again."""
    with Hook(tmp_path / "hook", behaviours(moody)) as hook:
        with TestServer(tmp_path, storage_backend="file") as server:
            scene = Scene(server, hook)
            scene.send("POST", DEFINITIONS, definition("/c/good"))
            scene.send("POST", ONE, point("old", "v1", host="h", port=1), until=201)
            assert (
                scene.send("PATCH", DEFINITION, STORAGE_MOVES, type="application/json-patch+json").status
                == 200
            )
            scene.send("POST", TWO, point("new", "v2", hostPort="g:2"), until=201)
            expect_both(scene, "h:1")
            with scene.watching(f"{TWO}?watch=1") as events:
                assert [shown(next(events))[2:] for _ in range(2)] == [("new", "g:2"), ("old", "h:1")]
                scene.send("PATCH", f"{ONE}/old", {"spec": {"port": 7}}, type=MERGE)
                assert shown(next(events)) == ("MODIFIED", "v2", "old", "h:7")
        address = {"clientConfig": {"url": f"{hook.url}/c/good"}}
        with TestServer(tmp_path, storage_backend="file", workers=2) as server:
            scene = Scene(server, hook)
            scene.send("PATCH", DEFINITION, {"spec": {"conversion": {"webhook": address}}}, type=MERGE)
            expect_both(scene, "h:7")


def expect_both(scene: Scene, old: str) -> None:
    """The two objects in each version."""
    listed = scene.send("GET", TWO).answer["items"]
    assert [(each["metadata"]["name"], each["spec"]["hostPort"]) for each in listed] == [
        ("new", "g:2"),
        ("old", old),
    ]
    listed = scene.send("GET", ONE).answer["items"]
    assert [f"{each['spec']['host']}:{each['spec']['port']}" for each in listed] == ["g:2", old]
    assert all(each["apiVersion"].endswith("/v1") for each in listed)
