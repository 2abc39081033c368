"""What every request passes: the filters and the pipeline around a small endpoint, without a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from watchcache.api import status
from watchcache.api.user import UserInfo
from watchcache.auth import AlwaysAllow, Attributes, Authorizer, Credentials, Decision, Rejected
from watchcache.http.accounting import Accounting
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.filters import Goaway, standard_filters, warning_header
from watchcache.http.in_flight import InFlight
from watchcache.http.lifecycle import Lifecycle
from watchcache.http.messages import Answer, Peer, Reply, Request, WatchReply
from watchcache.http.metrics import Metrics
from watchcache.http.pipeline import Pipeline

PODS = "/api/v1/namespaces/ns/pods"


class Tokens:
    """Knows the token `good`."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        if credentials.authorization == "Bearer good":
            return UserInfo(name="alice")
        if credentials.authorization:
            raise Rejected("unknown")
        return None


class Server:
    """A pipeline around an endpoint, with the parts that tests look at."""

    def __init__(
        self, endpoint: Callable[[Exchange], Answering], authorizer: Authorizer | None = None
    ) -> None:
        self.lifecycle = Lifecycle()
        self.metrics = Metrics()
        self.in_flight = InFlight(2, 1)
        filters = standard_filters(
            Accounting(self.metrics, self.lifecycle),
            self.lifecycle,
            60.0,
            Tokens(),
            self.in_flight,
            authorizer or AlwaysAllow(),
        )
        self.handle = Pipeline(filters, endpoint)

    async def ask(self, target: str = PODS, method: str = "GET", **headers: str) -> Reply:
        """The answer to a request of alice's, unless headers say otherwise."""
        answer = self.start(target, method, **headers)
        if not isinstance(answer, Reply):
            answer = await answer
        assert isinstance(answer, Reply)
        return answer

    def start(self, target: str = PODS, method: str = "GET", **headers: str) -> Any:
        """The answer or what gives it."""
        headers = {"authorization": "Bearer good"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.handle(Request(method, target, headers, b"", "1.1", Peer("127.0.0.1", 1)))


def ok(exchange: Exchange) -> Answering:
    """An endpoint that answers at once."""
    return Reply(200, [("Content-Type", "text/plain")], exchange.user.name.encode())


def hanging(exchange: Exchange) -> Answering:
    """An endpoint that never answers."""

    async def wait() -> Answer:
        await trio.sleep_forever()
        raise AssertionError

    return wait()


def header(reply: Reply, name: str) -> str | None:
    """The value of a header, None when absent."""
    return dict(reply.headers).get(name)


def document(reply: Reply) -> dict[str, Any]:
    """The body, decoded."""
    assert isinstance(reply.body, bytes)
    decoded: dict[str, Any] = msgspec.json.decode(reply.body)
    return decoded


async def test_an_answer_that_is_there_comes_without_waiting():
    """A read passes all filters in one call."""
    answer = Server(ok).start()
    assert isinstance(answer, Reply)
    assert answer.body == b"alice"


async def test_every_answer_has_an_audit_id_and_is_not_kept():
    """Audit-Id is the client's or a new one, also on refusals; nothing may be cached."""
    server = Server(ok)
    first, second = await server.ask(), await server.ask()
    assert header(first, "Audit-Id") != header(second, "Audit-Id")
    assert header(await server.ask(audit_id="mine"), "Audit-Id") == "mine"
    refused = await server.ask(authorization="Bearer bad")
    assert header(refused, "Audit-Id")
    assert header(refused, "Cache-Control") == "no-cache, private"


async def test_flow_headers_come_after_authentication():
    """Who is not known is not told how it was classified."""
    server = Server(ok)
    assert header(await server.ask(), "X-Kubernetes-Pf-Flowschema-Uid")
    assert header(await server.ask(authorization="Bearer bad"), "X-Kubernetes-Pf-Flowschema-Uid") is None


@pytest.mark.parametrize("authorization", ["", "Bearer bad"])
async def test_strangers_are_unauthorized(authorization: str):
    """No credentials and bad ones get the same 401, without details."""
    reply = await Server(ok).ask(authorization=authorization)
    assert reply.status == 401
    assert document(reply) == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "Unauthorized",
        "reason": "Unauthorized",
        "code": 401,
    }


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping", "/version"])
async def test_health_and_version_are_open(path: str):
    """Anyone may read them, as nobody."""
    assert (await Server(ok).ask(path, authorization="")).body == b"system:anonymous"


@pytest.mark.parametrize("path", ["/", "/api", "/metrics", "/versions", "/healthzz", PODS])
async def test_the_rest_is_closed(path: str):
    """Everything else needs a user."""
    assert (await Server(ok).ask(path, authorization="")).status == 401


async def test_an_exception_is_a_panic_and_no_more(caplog: pytest.LogCaptureFixture):
    """A defect is answered as kube-apiserver answers a panic, and logged."""

    def broken(exchange: Exchange) -> Answering:
        raise KeyError("defect")

    reply = await Server(broken).ask()
    assert (reply.status, reply.body) == (
        500,
        b"This request caused apiserver to panic. Look in the logs for details.\n",
    )
    assert "a request handler failed" in caplog.text


async def test_an_error_from_what_waits_is_answered_too():
    """Errors of awaited answers go through the same table."""

    def failing(exchange: Exchange) -> Answering:
        async def wait() -> Answer:
            await trio.lowlevel.checkpoint()
            raise status.not_found("pods", "x")

        return wait()

    server = Server(failing)
    reply = await server.ask()
    assert document(reply)["reason"] == "NotFound"
    assert server.lifecycle.running == 0


async def test_a_request_that_takes_too_long_gets_504(autojump_clock: trio.testing.MockClock):
    """After 60 seconds the answer is kube-apiserver's body, which lacks kind and apiVersion."""
    reply = await Server(hanging).ask()
    assert trio.current_time() == pytest.approx(60, abs=1)
    assert reply.status == 504
    assert document(reply) == {
        "metadata": {},
        "status": "Failure",
        "message": "Timeout: request did not complete within the allotted timeout",
        "reason": "Timeout",
        "details": {},
        "code": 504,
    }


@pytest.mark.parametrize(("asked", "seconds"), [("2s", 2), ("2h", 60), ("0s", 60), ("-5s", 60), ("", 60)])
async def test_a_client_may_ask_for_less_time(
    asked: str, seconds: float, autojump_clock: trio.testing.MockClock
):
    """`?timeout=` shortens; longer, zero, negative and empty mean the server's own."""
    started = trio.current_time()
    assert (await Server(hanging).ask(f"{PODS}?timeout={asked}")).status == 504
    assert trio.current_time() - started == pytest.approx(seconds, abs=0.5)


async def test_a_timeout_that_is_no_duration_is_refused():
    """400 with Go's words."""
    reply = await Server(ok).ask(f"{PODS}?timeout=abc")
    assert document(reply)["message"] == (
        'invalid timeout specified in the request URL - time: invalid duration "abc"'
    )


async def test_reads_and_writes_have_places_of_their_own(autojump_clock: trio.testing.MockClock):
    """Over the limit is a plain-text 429; a place is free again when its request has been answered."""
    server = Server(hanging)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.ask, PODS, "POST")
        nursery.start_soon(server.ask, PODS)
        await trio.testing.wait_all_tasks_blocked()
        refused = await server.ask(PODS, "DELETE")
        assert (refused.status, refused.body) == (429, b"Too many requests, please try again later.\n")
        assert header(refused, "Retry-After") == "1"
        assert server.in_flight.current == {False: 1, True: 1}
    assert server.in_flight.current == {False: 0, True: 0}


async def test_what_a_filter_took_is_given_back_when_the_client_leaves():
    """A cancelled request frees its place and leaves the wait group."""
    server = Server(hanging)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.ask)
        await trio.testing.wait_all_tasks_blocked()
        assert server.lifecycle.running == 1
        nursery.cancel_scope.cancel()
    assert server.lifecycle.running == 0
    assert server.in_flight.current == {False: 0, True: 0}


async def test_a_server_that_leaves_turns_requests_away():
    """After `refuse`, new requests get 429 and `Connection: close`; health is answered to the end."""
    server = Server(ok)
    server.lifecycle.begin_shutdown()
    assert (await server.ask()).status == 200
    assert server.lifecycle.probe() is not None
    server.lifecycle.refuse()
    refused = await server.ask()
    assert (refused.status, refused.close, header(refused, "Retry-After")) == (
        429,
        True,
        "5",
    )
    assert refused.body == b"The apiserver is shutting down, please try again later.\n"
    assert (await server.ask("/readyz")).status == 200


async def test_the_server_waits_for_what_runs(autojump_clock: trio.testing.MockClock):
    """`wait_idle` returns when the last request has been answered."""
    server = Server(hanging)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.ask, f"{PODS}?timeout=3s")
        await trio.testing.wait_all_tasks_blocked()
        await server.lifecycle.wait_idle()
        assert trio.current_time() == pytest.approx(3, abs=0.5)


class DenyAll:
    """Refuses everything."""

    def authorize(self, _attributes: Attributes) -> tuple[Decision, str]:
        return Decision.DENY, ""


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            f"{PODS}/p",
            'pods "p" is forbidden: User "alice" cannot get resource "pods" in API group "" in the namespace "ns"',
        ),
        (
            "/apis/apps/v1/deployments",
            'deployments.apps is forbidden: User "alice" cannot list resource "deployments" in API group "apps" at the cluster scope',
        ),
        ("/metrics", 'forbidden: User "alice" cannot get path "/metrics"'),
    ],
)
async def test_who_may_not_is_told_what(target: str, message: str):
    """403 names user, verb and resource as kube-apiserver does."""
    reply = await Server(ok, DenyAll()).ask(target)
    assert reply.status == 403
    assert document(reply)["message"] == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('unknown field "x"', '299 - "unknown field \\"x\\""'),
        ("back\\slash", '299 - "back\\\\slash"'),
        ("two\nlines", '299 - "two lines"'),
    ],
)
def test_warnings_are_quoted(text: str, value: str):
    """A warning cannot break out of its header."""
    assert warning_header(text) == value


async def test_requests_are_counted_by_what_is_served_only():
    """Paths that are nothing count by method alone, so that nobody can fill the memory with names."""
    server = Server(ok)
    for name in "abc":
        await server.ask(f"/api/v1/{name}")
    text = server.metrics.text().decode()
    assert 'apiserver_request_total{code="200",component="apiserver"' in text
    assert 'resource="a"' not in text
    assert "process_cpu_seconds_total" in text
    assert "python_info" in text


async def test_a_stranger_over_http2_loses_the_connection():
    """A 401 over HTTP/2 ends the connection; over HTTP/1.1 it stays, and so does a known user's."""
    server = Server(ok)
    assert [await refused_over(server, version) for version in ("1.1", "2")] == [(401, False), (401, True)]


async def refused_over(server: Server, version: str) -> tuple[int, bool]:
    """How a request with a wrong token is answered, and whether its connection ends."""
    request = Request("GET", PODS, {"authorization": "Bearer bad"}, b"", version, Peer("127.0.0.1", 1))
    answer = server.handle(request)
    assert isinstance(answer, Reply)
    return answer.status, answer.close


def test_connections_are_sent_away_by_chance():
    """Of HTTP/2 alone, for answers and watches; what is drawn below the chance ends its connection."""
    draws = iter([0.009, 0.01, 0.5, 0.0])
    away = Goaway(0.01, lambda: next(draws))

    def close(version: str, answer: Reply | WatchReply) -> bool:
        peer = Peer("127.0.0.1", 1)
        away.leave(Exchange(Request("GET", PODS, {}, b"", version, peer), "", 0.0), answer)
        return answer.close

    assert close("2", Reply(200, []))
    assert not close("2", Reply(200, []))
    assert not close("2", Reply(200, []))
    assert close("2", WatchReply([], lambda _: None))  # type: ignore[arg-type, return-value]
    assert not close("1.1", Reply(200, []))  # draws nothing
