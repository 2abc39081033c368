"""WATCH, row by row (W13 to W19): selectors, single objects, ends and the stream itself, over HTTP."""

from __future__ import annotations

import time

import pytest

from .past import Past
from .remote import INITIAL, Remote, brief, query

BOOKMARKS = "&allowWatchBookmarks=true"


def test_w13_nobody_gets_bookmarks_unasked(remote: Remote, past: Past):
    """Also not when they are turned off."""
    offs = ("", "&allowWatchBookmarks=false", "&allowWatchBookmarks=0")
    for events in remote.watch_all(*(f"{past.watch}&{INITIAL}{off}" for off in offs)):
        assert brief(events) == past.state


def test_w14_a_watch_ends_when_it_was_to(remote: Remote, past: Past):
    """Cleanly after timeoutSeconds; a negative one ends at once; `timeout=` means nothing."""
    begun = time.monotonic()
    assert remote.watch(f"{past.watch}&resourceVersion={past.now}&timeout=x") == []
    assert 0.9 < time.monotonic() - begun < 3
    begun = time.monotonic()
    assert remote.watch(f"{past.maps}?watch=1&timeoutSeconds=-1&resourceVersion={past.now}") == []
    assert time.monotonic() - begun < 0.9


def test_w15_crossing_a_selector(remote: Remote, past: Past):
    """Coming in is ADDED, leaving DELETED with the object as it was and the revision of the change."""
    path = f"{past.watch}&resourceVersion={past.start}&labelSelector=app%3D"
    events, others = remote.watch_all(f"{path}x", f"{path}y")
    assert brief(events) == [
        ("ADDED", "b", past.made_b),
        ("DELETED", "b", past.left),
        ("ADDED", "b", past.back),
        ("ADDED", "gone", past.made_gone),
        ("DELETED", "gone", past.now),
    ]
    assert events[1]["object"]["metadata"]["labels"] == {"app": "x"}
    assert brief(others) == [
        ("ADDED", "a", past.made_a),
        ("ADDED", "b", past.left),
        ("DELETED", "b", past.back),
    ]


def test_w15_crossing_a_field(remote: Remote, namespace: str):
    """A pod that is bound comes to its node's watch and leaves that of the unbound ones; live and in replay."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    start = remote.get(pods).revision
    bound, unbound = (
        f"{pods}{query(watch='1', timeoutSeconds='1', resourceVersion=str(start), fieldSelector=selector)}"
        for selector in ("spec.nodeName=n1", "spec.nodeName=")
    )
    with remote.watching(bound) as live:
        made = remote.create(pods, "p", spec={"containers": [{"name": "c", "image": "i"}]})
        answer = remote.ask(
            "POST", f"{pods}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
        )
        assert answer.status == 201
        now = remote.get(f"{pods}/p").revision
        assert brief([live.next() or {}]) == [("ADDED", "p", now)]
    again, replayed = remote.watch_all(bound, unbound)
    assert brief(again) == [("ADDED", "p", now)]
    assert brief(replayed) == [("ADDED", "p", made), ("DELETED", "p", now)]
    assert "nodeName" not in replayed[1]["object"]["spec"]


def test_w16_a_deletion_has_a_revision(remote: Remote, past: Past):
    """The last state under the deletion's own revision, from which a watch can go on."""
    (event,), after = remote.watch_all(
        f"{past.watch}&resourceVersion={past.made_gone}", f"{past.watch}&resourceVersion={past.now}"
    )
    assert event["object"]["metadata"]["labels"] == {"app": "x"}
    assert int(event["object"]["metadata"]["resourceVersion"]) == past.now > past.made_gone
    assert after == []


def test_w17_one_object(remote: Remote, past: Past):
    """By field selector or below /watch/, absent ones silently; a GET with `watch=1` is a GET."""
    old = past.maps.replace("/api/v1/", "/api/v1/watch/")
    of_b = [event for event in past.events if event[1] == "b"]
    rest = f"timeoutSeconds=1&resourceVersion={past.start}"
    *alike, silent = remote.watch_all(
        f"{past.maps}?watch=1&{rest}&fieldSelector=metadata.name%3Db",
        f"{old}/b?{rest}",
        f"{old}/b?{rest}&fieldSelector=metadata.name%3Db",
        f"{old}/nobody?{rest}",
    )
    assert [brief(events) for events in alike] == [of_b] * 3
    assert silent == []
    assert remote.get(f"{past.maps}/b?watch=1").revision == past.back
    assert remote.get(f"{past.maps}/nobody?watch=1").status == 404


@pytest.mark.parametrize(
    "selector", ["metadata.name%3Da", "metadata.name!%3Da", "metadata.name!%3Db", "metadata.namespace%3Dx"]
)
def test_w17_a_selector_must_name_the_same(remote: Remote, maps: str, selector: str):
    """Any field selector that does not is refused."""
    refused = remote.get(f"{maps.replace('/api/v1/', '/api/v1/watch/')}/b?fieldSelector={selector}")
    text = "fieldSelector metadata.name doesn't match requested name"
    assert refused.said == (400, "BadRequest", text)


def test_w18_the_old_path(remote: Remote, past: Past, namespace: str):
    """It watches whatever `watch=` says; a namespace's name in it watches that namespace."""
    old = past.maps.replace("/api/v1/", "/api/v1/watch/")
    *alike, (event,) = remote.watch_all(
        *(f"{old}?timeoutSeconds=1{parameter}" for parameter in ("", "&watch=false", "&watch=0", "&watch=1")),
        f"/api/v1/watch/namespaces/{namespace}?timeoutSeconds=1",
    )
    assert [brief(events) for events in alike] == [past.state] * 4
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", namespace)


def test_w18_only_watch_makes_its_options_those_of_a_watch(remote: Remote, past: Past):
    """Without it they are checked as a list's, no defaults are filled in, and so no bookmark ends the burst."""
    old = f"{past.maps.replace('/api/v1/', '/api/v1/watch/')}?timeoutSeconds=1"
    plain, ended = remote.watch_all(old + BOOKMARKS, f"{old}&watch=1{BOOKMARKS}")
    assert brief(plain) == past.state
    assert ended[-1]["type"] == "BOOKMARK"
    _, _, message = remote.get(f"{old}&sendInitialEvents=true").said
    assert message.endswith("sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")


def test_w19_the_stream(remote: Remote, past: Past):
    """JSON lines in chunks, headers before the first event, never compressed."""
    remote.create(past.maps, "large", data={"k": "v" * 200_000})
    path = f"{past.watch}&resourceVersion={past.now}"
    with remote.watching(path, Accept_Encoding="gzip") as watch:
        assert watch.headers["content-type"] == "application/json"
        assert watch.headers["transfer-encoding"] == "chunked"
        assert "content-encoding" not in watch.headers
        event = watch.next() or {}
        assert len(event["object"]["data"]["k"]) == 200_000


@pytest.mark.parametrize("accept", ["application/yaml", "application/yaml,application/json"])
def test_w19_no_yaml(remote: Remote, maps: str, accept: str):
    """406, written in YAML."""
    refused = remote.get(f"{maps}?watch=1&timeoutSeconds=1", Accept=accept)
    assert (refused.status, refused.headers["content-type"]) == (406, "application/yaml")
    assert b"application/json;stream=watch" in refused.body


@pytest.mark.parametrize(
    ("value", "watches"), [("1", True), ("f", True), ("", True), ("no", True), ("0", False), ("FALSE", False)]
)
def test_anything_but_0_and_false_is_true(remote: Remote, past: Past, value: str, watches: bool):
    """As kube-apiserver reads booleans; of repeated ones the first counts."""
    with remote.watching(
        f"{past.maps}?watch={value}&watch=0&timeoutSeconds=9&resourceVersion={past.now}"
    ) as opened:
        assert ("transfer-encoding" in opened.headers) is watches
    with remote.watching(f"{past.maps}?watch&timeoutSeconds=9&resourceVersion={past.now}") as opened:
        assert "transfer-encoding" in opened.headers
