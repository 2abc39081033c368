"""Calling a webhook: what goes over the wire, what is kept for the next call, and how failures are worded."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tests.webhooks.hook import Hook, Raw
from watchcache.webhooks import Caller, CallFailed, NotReached, Target, target_of

REVIEW = {"apiVersion": "v1", "kind": "Review", "request": {"uid": "x"}}
BODY = json.dumps(REVIEW).encode()
BEHAVIOURS = {
    "/allow": lambda _: {"allowed": True},
    "/large": lambda _: Raw(200, b'{"a":"' + b"x" * 20_000 + b'"}'),
    "/redirect": lambda _: Raw(307, b"", more=(("Location", "/allow"),)),
    "/hang-up": lambda _: None,
    "/half": lambda _: Raw(200, b'{"kind":"A', more=(("Content-Length", "100"),)),
}


@pytest.fixture(scope="module")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    """The webhook server."""
    with Hook(tmp_path_factory.mktemp("hook"), BEHAVIOURS) as hook:
        yield hook


@pytest.fixture
async def caller(hook: Hook) -> AsyncIterator[Caller]:
    """A caller that finds one service."""

    def resolve(namespace: str, name: str, port: int) -> tuple[str, int]:
        if (namespace, name, port) != ("default", "hooks", 443):
            raise NotReached(f'service "{name}" not found')
        return "127.0.0.1", hook.port

    caller = Caller(resolve, largest=10_000)
    yield caller
    await caller.aclose()


def at(hook: Hook, path: str, **more: Any) -> Target:
    """The target at a path of the server."""
    ca = base64.b64encode(hook.ca.encode()).decode()
    return target_of({"url": f"{hook.url}{path}", "caBundle": ca, **more})


async def failure(caller: Caller, target: Target, seconds: float = 5.0) -> str:
    """What is said of a call that fails."""
    with pytest.raises(CallFailed) as caught:
        await caller.post(target, BODY, seconds=seconds)
    return str(caught.value)


async def test_connections_are_kept_for_the_next_call(hook: Hook, caller: Caller):
    """One after the other shares one; two at once have one each."""
    before = hook.connections
    for _ in range(3):
        answer = await caller.post(at(hook, "/allow"), BODY, seconds=5)
        assert answer["response"] == {"uid": "x", "allowed": True}
    assert hook.connections == before + 1


async def test_a_service_is_called_at_its_address_under_its_name(hook: Hook, caller: Caller):
    """The certificate is that of the name in the cluster."""
    ca = base64.b64encode(hook.ca.encode()).decode()
    service = {"namespace": "default", "name": "hooks", "path": "/allow"}
    hook.take()
    await caller.post(target_of({"service": service, "caBundle": ca}), BODY, seconds=2.5)
    asked = hook.take()[0]
    assert (asked.path, asked.headers["host"]) == ("/allow?timeout=3s", "hooks.default.svc:443")


async def test_redirects_are_not_followed(hook: Hook, caller: Caller):
    """Whoever is configured is asked, and nobody else."""
    hook.take()
    said = await failure(caller, at(hook, "/redirect"))
    assert said == "the server responded with the status code 307 but did not return more information"
    assert [asked.path for asked in hook.take()] == ["/redirect?timeout=5s"]


async def test_an_answer_may_not_be_larger_than_allowed(hook: Hook, caller: Caller):
    """It is not read to its end, and the next call is not disturbed."""
    assert await failure(caller, at(hook, "/large")) == "http: response body too large: more than 10000 bytes"
    await caller.post(at(hook, "/allow"), BODY, seconds=5)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/hang-up", 'Post "{url}/hang-up?timeout=5s": EOF'),
        (
            "/half",
            "unexpected error when reading response body. Please retry. Original error: unexpected EOF",
        ),
    ],
)
async def test_who_hangs_up(hook: Hook, caller: Caller, path: str, words: str):
    """Before an answer, and in the middle of one; the next call has a connection of its own."""
    assert await failure(caller, at(hook, path)) == words.replace("{url}", hook.url)
    await caller.post(at(hook, "/allow"), BODY, seconds=5)


async def test_nobody_listens(hook: Hook, caller: Caller):
    """A port that is closed, a name that is none, a service that is not there."""
    assert await failure(caller, at(hook, "", url="https://127.0.0.1:1/x")) == (
        'Post "https://127.0.0.1:1/x?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused'
    )
    service = {"namespace": "default", "name": "other"}
    assert await failure(caller, target_of({"service": service})) == (
        'Post "https://other.default.svc:443/?timeout=5s": service "other" not found'
    )


async def test_whom_nobody_vouches_for(hook: Hook, caller: Caller):
    """Without the authority, and under another name than the certificate's."""
    prefix = f'Post "{hook.url}/allow?timeout=5s": tls: failed to verify certificate: x509: '
    said = await failure(caller, at(hook, "/allow", caBundle=""))
    assert said == f"{prefix}certificate signed by unknown authority"
    service = {"namespace": "default", "name": "hooks", "port": 443}
    ca = base64.b64encode(hook.ca.encode()).decode()
    named = target_of({"service": service, "caBundle": ca})
    stranger = Target(
        named.scheme, "stranger.default.svc", 443, "stranger.default.svc:443", "/", named.ca, named.service
    )
    said = await failure(caller, stranger)
    assert said.endswith("x509: certificate is valid for other names, not stranger.default.svc")


async def test_certificates_that_are_none(hook: Hook, caller: Caller):
    """kube-apiserver accepts such a bundle, and stumbles when it calls."""
    bundle = base64.b64encode(b"no PEM").decode()
    said = await failure(caller, at(hook, "/allow", caBundle=bundle))
    assert said == "unable to load root certificates: unable to parse bytes as PEM block"


async def test_who_does_not_speak_tls(hook: Hook, caller: Caller):
    """A plain HTTP server answers a handshake with words."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), _plain, 0)
        port = listeners[0].socket.getsockname()[1]
        said = await failure(caller, at(hook, "", url=f"https://127.0.0.1:{port}/x"))
        nursery.cancel_scope.cancel()
    assert said.endswith(": http: server gave HTTP response to HTTPS client")


async def _plain(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_who_says_nothing(hook: Hook, caller: Caller, autojump_clock: trio.testing.MockClock):
    """A call ends with its time, which is handed in here; its connection is given up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        said = await failure(caller, at(hook, "", url=f"https://127.0.0.1:{port}/x"), seconds=30)
    assert said == f'Post "https://127.0.0.1:{port}/x?timeout=30s": context deadline exceeded'
    assert trio.current_time() >= 30


def test_bundles_that_are_no_authorities_are_trusted_as_they_are(tmp_path: Path):
    """A server's own certificate in the bundle is enough, as in Go: tests of operators often have no other."""
    from watchcache.webhooks.caller import _context

    with Hook(tmp_path, BEHAVIOURS) as hook:
        own = (tmp_path / "hook.crt").read_text()
        context = _context(own)
        with (
            socket.create_connection(("127.0.0.1", hook.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
        ):
            assert secured.getpeercert()
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
