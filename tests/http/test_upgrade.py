"""The handshake of a watch over a WebSocket (W20), through the handler."""

from __future__ import annotations

import base64

import pytest
from served import Client, document, header

from watchcache.http import Reply, WatchReply

MAPS = "/api/v1/namespaces/default/configmaps"
WATCH = f"{MAPS}?watch=1&resourceVersion=1"
HANDSHAKE = {
    "connection": "keep-alive, Upgrade",
    "upgrade": "WebSocket",
    "origin": "https://example.com",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455 1.3, as the answer to it
}
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
BEARER = "base64url.bearer.authorization.k8s.io."


def token(text: bytes) -> str:
    """A bearer token as a subprotocol."""
    return BEARER + base64.urlsafe_b64encode(text).decode().rstrip("=")


async def watch(client: Client, target: str = WATCH, **headers: str) -> WatchReply:
    """A watch whose handshake succeeds."""
    answer = await client.start("GET", target, **HANDSHAKE | headers)
    assert isinstance(answer, WatchReply), answer
    return answer


async def test_the_answer_is_that_of_the_rfc(client: Client):
    """101, with the key's answer; no content type, as nothing is a body."""
    answer = await watch(client)
    assert (answer.status, answer.messages) == (101, "text")
    headers = dict(answer.headers)
    assert headers["Upgrade"] == "websocket"
    assert headers["Connection"] == "Upgrade"
    assert headers["Sec-WebSocket-Accept"] == ACCEPT
    assert headers.keys().isdisjoint({"Content-Type", "Sec-WebSocket-Protocol"})


@pytest.mark.parametrize(
    ("accept", "messages"),
    [
        ("application/json", "text"),
        ("application/json;as=Table;v=v1;g=meta.k8s.io", "text"),
        ("application/vnd.kubernetes.protobuf", "binary"),
    ],
)
async def test_the_form_says_which_messages(client: Client, accept: str, messages: str):
    """JSON is text, protobuf is not."""
    assert (await watch(client, accept=accept)).messages == messages


REFUSED = [
    ("sec_websocket_key", "", 400, b"mismatch challenge/response"),
    ("sec_websocket_version", "", 400, b"missing or bad WebSocket Version"),
    ("sec_websocket_version", "8", 400, b"missing or bad WebSocket Version"),
    ("origin", "", 403, b""),
    ("origin", "null", 403, b""),
    ("origin", "example.com", 403, b""),
    ("origin", "http://[::1", 403, b""),
    ("origin", "http://a b", 403, b""),
    ("origin", "http://a:b", 403, b""),
    ("origin", "http://a/%zz", 403, b""),
    ("origin", "://x", 403, b""),
    ("sec_websocket_protocol", "one, two", 400, b""),
]


@pytest.mark.parametrize(("name", "value", "status", "body"), REFUSED)
async def test_a_bad_handshake_is_refused(client: Client, name: str, value: str, status: int, body: bytes):
    """In the words of golang.org/x/net/websocket, and the connection ends."""
    reply = await client.ask("GET", WATCH, **HANDSHAKE | {name: value})
    assert (reply.status, reply.body, reply.close) == (status, body, True)
    assert header(reply, "Sec-WebSocket-Version") == ("13" if "version" in name else None)


@pytest.mark.parametrize(
    "origin",
    [
        "https://example.com:8443",
        "http://[::1]",
        "/",
        "/x y",
        "*",
        "file://",
        "http:",
        "mailto:x",
        "http://a?b",
    ],
)
async def test_any_origin_that_is_a_url_will_do(client: Client, origin: str):
    """What a page may do is for its credentials to say."""
    await watch(client, origin=origin)


async def test_the_subprotocol_is_echoed(client: Client):
    """Whatever it is."""
    answer = await watch(client, sec_websocket_protocol="anything")
    assert ("Sec-WebSocket-Protocol", "anything") in answer.headers


@pytest.mark.parametrize("header", [{"upgrade": "h2c"}, {"connection": "keep-alive"}, {"upgrade": ""}])
async def test_what_asks_for_no_websocket_is_a_watch_as_ever(client: Client, header: dict[str, str]):
    """Both headers ask for it together."""
    answer = await watch(client, **header)
    assert (answer.status, answer.messages) == (200, "")
    assert ("Content-Type", "application/json") in answer.headers


async def test_only_a_watch_is_upgraded(client: Client):
    """On a list, or one object, the headers mean nothing."""
    assert document(await client.ask("GET", MAPS, **HANDSHAKE))["kind"] == "ConfigMapList"
    default = await client.ask("GET", "/api/v1/namespaces/default?watch=1", **HANDSHAKE)
    assert document(default)["kind"] == "Namespace"


async def test_a_watch_that_cannot_be_is_refused_as_ever(client: Client):
    """Before anybody looks at the handshake."""
    reply = await client.ask("GET", f"{WATCH}&fieldSelector=no.such%3Dx", **HANDSHAKE | {"origin": ""})
    assert document(reply)["reason"] == "BadRequest"
    reply = await client.ask("GET", WATCH, accept="application/yaml", **HANDSHAKE)
    assert reply.status == 406


async def test_commit_times_are_confirmed(client: Client):
    """The 101 has the headers of an answer, and says what its events will carry."""
    answer = await watch(client, watchcache_commit_times="true")
    assert ("Watchcache-Commit-Times", "true") in answer.headers
    assert dict(answer.headers)["Audit-Id"]


async def test_the_answers_are_counted(client: Client):
    """By their codes, as the client saw them."""
    await watch(client)
    await client.ask("GET", WATCH, **HANDSHAKE | {"origin": ""})
    reply = await client.ask("GET", "/metrics")
    assert isinstance(reply.body, bytes)
    counts = [
        line
        for line in reply.body.decode().splitlines()
        if line.startswith("apiserver_request_total{") and 'verb="WATCH"' in line
    ]
    assert {code: sum(f'code="{code}"' in line for line in counts) for code in (101, 200, 403)} == {
        101: 1,
        200: 0,
        403: 1,
    }


async def test_a_browser_gives_its_token_as_a_subprotocol(client: Client):
    """It is taken for the user's, and out of what is offered."""
    offered = f"{token(b'good')}, v1"
    answer = await watch(client, authorization="", sec_websocket_protocol=offered)
    assert ("Sec-WebSocket-Protocol", "v1") in answer.headers


UNAUTHORIZED = {
    "nothing": "v1",
    "an empty token": f"{BEARER}, v1",
    "a wrong token": f"v1, {token(b'bad')}",
    "no other protocol to answer with": token(b"good"),
    "two tokens": f"{token(b'good')}, {token(b'good')}, v1",
    "no base64": f"{BEARER}a+b/, v1",
    "a length that base64 does not have": f"{BEARER}Z29vZ, v1",
    "no UTF-8": f"{token(bytes([255]))}, v1",
}


@pytest.mark.parametrize("name", UNAUTHORIZED)
async def test_other_tokens_are_not_taken(client: Client, name: str):
    """401, as without any."""
    headers = HANDSHAKE | {"authorization": "", "sec_websocket_protocol": UNAUTHORIZED[name]}
    reply = await client.ask("GET", WATCH, **headers)
    assert document(reply)["reason"] == "Unauthorized"


async def test_a_token_among_the_subprotocols_of_another_request_is_not_looked_at(client: Client):
    """Only who asks for a WebSocket cannot send it otherwise."""
    offered = f"{token(b'good')}, v1"
    reply = await client.start("GET", WATCH, authorization="", sec_websocket_protocol=offered)
    assert isinstance(reply, Reply)
    assert reply.status == 401
