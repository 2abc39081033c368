"""WATCH, row by row (W1 to W10): what kube-apiserver 1.36.3 sends, over HTTP."""

from __future__ import annotations

import time

import pytest

from tests.conformance.rows.places import FIRST_REVISION

from .past import Past
from .remote import INITIAL, Remote, brief

FUTURE = 10**15
BOOKMARKS = "&allowWatchBookmarks=true"
END = {"k8s.io/initial-events-end": "true"}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def test_w1_a_watch_from_a_revision(remote: Remote, past: Past):
    """Every event after it, in order, none of the state."""
    revisions = (past.start, past.made_b, past.left, past.now)
    watches = remote.watch_all(*(f"{past.watch}&resourceVersion={revision}" for revision in revisions))
    for revision, events in zip(revisions, watches, strict=True):
        assert brief(events) == [event for event in past.events if event[2] > revision]


@pytest.mark.parametrize("revision", ["", "&resourceVersion=", "&resourceVersion=0", "&resourceVersion=00"])
def test_w2_a_watch_from_nowhere(remote: Remote, past: Past, revision: str):
    """The objects as ADDED in the order of keys, then what happens."""
    with remote.watching(past.watch + revision) as watch:
        assert brief([watch.next() or {}, watch.next() or {}]) == past.state
        created = remote.create(past.maps, "c")
        assert brief([watch.next() or {}]) == [("ADDED", "c", created)]


def test_w2_bookmarks_end_the_default_burst(remote: Remote, past: Past):
    """Only when they are asked for."""
    *burst, end = remote.watch(past.watch + BOOKMARKS)
    assert brief(burst) == past.state
    assert (end["type"], end["object"]["metadata"]["annotations"]) == ("BOOKMARK", END)


@pytest.mark.parametrize(
    "revision", ["", "&resourceVersion=0", "&resourceVersion={made_a}", "&resourceVersion=5"]
)
def test_w3_initial_events_have_an_end(remote: Remote, past: Past, revision: str):
    """The state, one bookmark with its revision that ends it, then live events; an old revision is no error."""
    with remote.watching(f"{past.watch}&{INITIAL}{BOOKMARKS}{revision.format(made_a=past.made_a)}") as watch:
        assert brief([watch.next() or {}, watch.next() or {}]) == past.state
        end = watch.next() or {}
        metadata = end["object"]["metadata"]
        assert (end["type"], metadata["annotations"]) == ("BOOKMARK", END)
        assert int(metadata["resourceVersion"]) >= past.now
        assert end["object"] == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}
        created = remote.create(past.maps, "c")
        assert brief([watch.next() or {}]) == [("ADDED", "c", created)]


def test_w3_without_bookmarks_only_the_burst(remote: Remote, past: Past):
    """A client that asks for no bookmarks gets no end."""
    assert brief(remote.watch(f"{past.watch}&{INITIAL}")) == past.state


def test_w4_no_initial_events(remote: Remote, past: Past):
    """From now without a revision or with 0; from N with one."""
    silent = f"{past.watch}&{INITIAL.replace('true', 'false')}"
    for revision in ("", "&resourceVersion=0"):
        with remote.watching(silent + revision) as watch:
            created = remote.create(past.maps, f"c{len(revision)}")
            assert brief([watch.next() or {}]) == [("ADDED", f"c{len(revision)}", created)]
    events = brief(remote.watch(f"{silent}&resourceVersion={past.back}"))
    assert events[:2] == past.events[4:]


REQUIRES = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
FOR_WATCH = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
ONLY = 'Unsupported value: "{}": supported values: "NotOlderThan"'
WITH_CONTINUE = "Forbidden: resourceVersionMatch is forbidden when continue is provided"


@pytest.mark.parametrize(
    ("parameters", "causes"),
    [
        ("sendInitialEvents=true", [REQUIRES]),
        ("sendInitialEvents=false", [REQUIRES]),
        ("sendInitialEvents=true&resourceVersion=5", [REQUIRES]),
        ("sendInitialEvents=true&resourceVersionMatch=Exact", [REQUIRES, ONLY.format("Exact")]),
        ("resourceVersionMatch=NotOlderThan", [FOR_WATCH]),
        ("resourceVersionMatch=NotOlderThan&resourceVersion=5", [FOR_WATCH]),
        ("resourceVersionMatch=Exact", [FOR_WATCH, ONLY.format("Exact")]),
        ("resourceVersionMatch=Foo", [FOR_WATCH, ONLY.format("Foo")]),
        ("resourceVersionMatch=NotOlderThan&continue=x", [FOR_WATCH, WITH_CONTINUE]),
        (f"{INITIAL}&continue=x", [WITH_CONTINUE]),
        ("continue=x", [WITH_CONTINUE]),
        ("continue=x&resourceVersion=0", [WITH_CONTINUE]),
    ],
)
def test_w5_w6_w7_options_that_contradict(remote: Remote, maps: str, parameters: str, causes: list[str]):
    """422 with every cause in order, as an HTTP error."""
    texts = [f"resourceVersionMatch: {cause}" for cause in causes]
    text = f"[{', '.join(texts)}]" if len(texts) > 1 else texts[0]
    message = f'ListOptions.meta.k8s.io "" is invalid: {text}'
    assert remote.get(f"{maps}?watch=1&{parameters}").said == (422, "Invalid", message)


def test_w7_paging_is_no_matter_of_a_watch(remote: Remote, past: Past):
    """`limit` is ignored, and `continue` with a revision."""
    limited, resumed = remote.watch_all(
        f"{past.watch}&limit=1", f"{past.watch}&continue=x&resourceVersion={past.back}"
    )
    assert brief(limited) == past.state
    assert brief(resumed) == past.events[4:]


@pytest.mark.parametrize("accept", ["application/json", TABLE])
def test_w8_a_revision_that_is_too_old(remote: Remote, maps: str, accept: str):
    """200, one ERROR event with a plain Status, a clean end; the revision it names can still be resumed from."""
    (event,) = remote.watch(f"{maps}?watch=1&timeoutSeconds=9&resourceVersion=5", Accept=accept)
    oldest = FIRST_REVISION - 1
    assert event == {
        "type": "ERROR",
        "object": {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": f"too old resource version: 5 ({oldest})", "reason": "Expired", "code": 410,
        },
    }  # fmt: skip
    events = remote.watch(f"/api/v1/namespaces?watch=1&timeoutSeconds=1&resourceVersion={oldest}")
    assert events[0]["type"] == "ADDED"


def test_w9_a_revision_from_the_future(remote: Remote, past: Past):
    """A plain watch is silent until it has passed; then only what is newer comes."""
    ahead = past.now + 3
    with remote.watching(f"{past.maps}?watch=1&timeoutSeconds=2&resourceVersion={ahead}") as watch:
        revisions = [remote.create(past.maps, f"n{number}") for number in range(5)]
        later = [
            (name, revision)
            for number, revision in enumerate(revisions)
            if revision > ahead
            for name in (f"n{number}",)
        ]
        assert brief(watch.rest()) == [("ADDED", name, revision) for name, revision in later]
        assert later


def test_w9_initial_events_of_the_future(remote: Remote, maps: str):
    """Headers and all wait 3 seconds, then an ERROR 504 in the stream."""
    begun = time.monotonic()
    with remote.watching(f"{maps}?watch=1&timeoutSeconds=9&{INITIAL}&resourceVersion={FUTURE}") as watch:
        assert 2.9 < time.monotonic() - begun < 6
        (event,) = watch.rest()
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 504, "Timeout")
    assert event["object"]["message"].startswith(f"Timeout: Too large resource version: {FUTURE}, current: ")
    assert event["object"]["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize(
    ("parameters", "accept", "code"),
    [
        ("labelSelector=((&resourceVersionMatch=Foo", "*/*", 400),
        ("resourceVersionMatch=Foo&fieldSelector=bogus%3D1", "*/*", 422),
        ("fieldSelector=bogus%3D1&resourceVersion=abc", "*/*", 400),
        ("limit=x", "*/*", 400),
        ("timeoutSeconds=x", "*/*", 400),
        ("resourceVersion=abc", "application/yaml", 500),
        ("resourceVersion=abc", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", 500),
        ("resourceVersion=5", "application/yaml", 406),
        ("resourceVersion=5", "application/yaml,application/json", 406),
        ("resourceVersion=5", "application/cbor", 406),
        ("resourceVersion=5", "text/plain", 406),
    ],
)
def test_w10_errors_before_the_stream(remote: Remote, maps: str, parameters: str, accept: str, code: int):
    """HTTP errors, in this order: bad options, contradictions, unknown fields, the revision, the form."""
    assert remote.get(f"{maps}?watch=1&{parameters}", Accept=accept).status == code


def test_w12_a_bookmark_before_the_end(remote: Remote, past: Past):
    """Between 0.9 and 1.9 s before it, with the newest revision of the resource, if anything has happened since the start."""
    path = f"{past.maps}?watch=1&timeoutSeconds=3&labelSelector=none{BOOKMARKS}&resourceVersion={past.now}"
    with remote.watching(path) as watch:
        begun = time.monotonic()
        last = remote.create(past.maps, "news")
        (bookmark,) = watch.rest()
        assert time.monotonic() - begun > 2
    assert brief([bookmark]) == [("BOOKMARK", "", last)]
