"""WATCH, row W20: over a WebSocket, as a client finds it."""

from __future__ import annotations

import base64
import json

import pytest
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from tests.conformance.rows.places import Served

from .past import Past
from .remote import Remote, brief
from .sockets import ORIGIN, Refusal, opened

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PROTOBUF = "application/vnd.kubernetes.protobuf"


def test_w20_each_event_is_a_message(place: Served, past: Past):
    """Of text, those of an ordinary watch; the end is a close frame that says 1000."""
    path = f"{past.watch}&resourceVersion={past.start}"
    with opened(place, path) as watch:
        assert watch.answer.subprotocol is None
        assert brief(watch.events()) == past.events


def test_w20_live(place: Served, remote: Remote, past: Past):
    """What happens while it is open."""
    path = f"{past.maps}?watch=1&timeoutSeconds=20&resourceVersion={past.now}"
    with opened(place, path) as watch:
        made = remote.create(past.maps, "live")
        message = watch.next()
        assert isinstance(message, str)
        assert brief([json.loads(message)]) == [("ADDED", "live", made)]


def test_w20_a_large_event_is_one_message(place: Served, remote: Remote, past: Past):
    """Of more than 64 KiB."""
    remote.create(past.maps, "large", data={"k": "v" * 200_000})
    with opened(place, f"{past.watch}&resourceVersion={past.now}") as watch:
        (event,) = watch.events()
        assert len(event["object"]["data"]["k"]) == 200_000


def test_w20_a_table_is_text(place: Served, past: Past):
    """Columns in the first message only, as W21 has it."""
    with opened(place, f"{past.watch}&resourceVersion={past.start}", ("Accept", TABLE)) as watch:
        tables = [event["object"] for event in watch.events()]
    assert {table["kind"] for table in tables} == {"Table"}
    assert [table["columnDefinitions"] is None for table in tables] == [False] + [True] * (len(tables) - 1)


def test_w20_protobuf_is_binary(place: Served, remote: Remote, past: Past):
    """What a stream has behind each length."""
    path = f"{past.watch}&resourceVersion={past.start}"
    stream = remote.get(path, Accept=PROTOBUF).body
    with opened(place, path, ("Accept", PROTOBUF)) as watch:
        messages, code = watch.messages()
    assert all(isinstance(message, bytes) for message in messages)
    assert b"".join(len(message).to_bytes(4) + bytes(message) for message in messages) == stream
    assert (len(messages), code) == (len(past.events), 1000)


def test_w20_what_a_client_says(place: Served, past: Past):
    """A ping is answered, a message dropped, a goodbye answered with 1000 whatever it says."""
    path = f"{past.maps}?watch=1&timeoutSeconds=20&resourceVersion={past.now}"
    with opened(place, path) as watch:
        watch.say(TextMessage(data="hello"))
        watch.say(Ping(payload=b"p"))
        assert watch.next() == Pong(payload=b"p")
        watch.say(CloseConnection(code=1001))
        assert watch.messages() == ([], 1000)


def test_w20_who_leaves_without_a_word(place: Served, remote: Remote, past: Past):
    """Is missed by nobody: the next watch goes on."""
    path = f"{past.maps}?watch=1&timeoutSeconds=20&resourceVersion={past.now}"
    for _ in range(3):
        with opened(place, path):
            pass
    made = remote.create(past.maps, "after")
    with opened(place, path) as watch:
        message = watch.next()
        assert isinstance(message, str)
        assert brief([json.loads(message)]) == [("ADDED", "after", made)]


def test_w20_a_subprotocol_is_echoed(place: Served, past: Past):
    """Any; of several, none can be."""
    with opened(place, past.watch, subprotocols=["anything"]) as watch:
        assert watch.answer.subprotocol == "anything"
    with pytest.raises(Refusal) as refused, opened(place, past.watch, subprotocols=["one", "two"]):
        pass
    assert (refused.value.status, refused.value.body) == (400, b"")


@pytest.mark.parametrize("origin", [(), (("Origin", "null"),), (("Origin", "example.com"),)])
def test_w20_an_origin_must_be_there(place: Served, past: Past, origin: tuple[tuple[str, str], ...]):
    """403 without a word, also for what is no URL."""
    with pytest.raises(Refusal) as refused, opened(place, past.watch, origin=origin):
        pass
    assert (refused.value.status, refused.value.body) == (403, b"")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Sec_WebSocket_Version": "13"}, b"mismatch challenge/response"),
        ({"Sec_WebSocket_Key": "x", "Sec_WebSocket_Version": "8"}, b"missing or bad WebSocket Version"),
        ({"Sec_WebSocket_Key": "x"}, b"missing or bad WebSocket Version"),
    ],
)
def test_w20_key_and_version_must_be_right(remote: Remote, past: Past, fields: dict[str, str], words: bytes):
    """400, and where it is the version, with the one there is."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": ORIGIN[0][1]}
    refused = remote.get(past.watch, **upgrade | fields)
    assert (refused.status, refused.body) == (400, words)
    assert refused.headers.get("sec-websocket-version") == ("13" if b"Version" in words else None)


def test_w20_errors_before_the_start_are_http(place: Served, past: Past):
    """A Status, even where the handshake is bad as well."""
    path = f"{past.watch}&sendInitialEvents=true"
    for origin in (ORIGIN, ()):
        with pytest.raises(Refusal) as refused, opened(place, path, origin=origin):
            pass
        assert refused.value.status == 422
        assert json.loads(refused.value.body)["reason"] == "Invalid"


def test_w20_errors_after_it_are_messages(place: Served, past: Past):
    """An ERROR event, and the end."""
    with opened(place, f"{past.watch}&resourceVersion=1") as watch:
        (event,) = watch.events()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_w20_a_list_is_not_upgraded(remote: Remote, past: Past):
    """The headers mean nothing there."""
    listed = remote.get(past.maps, Connection="Upgrade", Upgrade="websocket")
    assert listed.names == ["a", "b"]


def bearer(token: str) -> str:
    """A bearer token as a subprotocol."""
    encoded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return f"base64url.bearer.authorization.k8s.io.{encoded}"


def test_w20_the_token_may_be_a_subprotocol(place: Served, past: Past):
    """Where a browser cannot send it otherwise; it is not echoed."""
    good = bearer(place.token)
    with opened(place, past.watch, token="", subprotocols=[good, "v1"]) as watch:
        assert watch.answer.subprotocol == "v1"
        assert brief(watch.events()) == past.state
    for offered in (
        [good],
        [bearer(f"{place.token}\n"), "v1"],
        [bearer("no"), "v1"],
        [good, good, "v1"],
        ["v1"],
    ):
        with pytest.raises(Refusal) as refused, opened(place, past.watch, token="", subprotocols=offered):
            pass
        assert refused.value.status == 401
