"""A line for each request, from `-v=3` on."""

from __future__ import annotations

import logging

import pytest

from watchcache.http.access_log import AccessLog, access_log
from watchcache.http.exchange import Exchange
from watchcache.http.filters import RequestInfoFilter
from watchcache.http.messages import Peer, Reply, Request, WatchReply

HEADERS = {"user-agent": 'ku"be\nctl', "authorization": "Bearer secret"}


class Sink:
    """Takes what a watch sends, and nothing comes."""

    framing = bytes
    queued = 0
    connection = 0
    stalled = False

    def send(self, framed: bytes) -> bool:
        """Take it."""
        return bool(framed)

    def on_drain(self, callback: object) -> None:
        """Never full."""

    def finish(self) -> None:
        """Nothing to end."""


class Running:
    """A watch that runs."""

    def stop(self) -> None:
        """End it."""


def exchange(target: str) -> Exchange:
    """A request as far as the filters have read it."""
    request = Request("GET", target, HEADERS, b"", "1.1", Peer("10.0.0.1", 4000, None, True))
    found = Exchange(request, "id-1", 1.0)
    RequestInfoFilter().enter(found)
    return found


def test_a_request_is_one_line_without_its_secrets(caplog: pytest.LogCaptureFixture):
    """kube-apiserver's fields; what a client sent cannot begin a line of its own."""
    with caplog.at_level(logging.INFO, "watchcache.access"):
        AccessLog(lambda: 1.002).leave(exchange("/api/v1/pods?limit=5"), Reply(200, [], b""))
    assert caplog.messages == [
        (
            'HTTP verb="LIST" URI="/api/v1/pods?limit=5" latency="2.000ms" userAgent="ku\\"be\\nctl" '
            'audit-ID="id-1" srcIP="10.0.0.1:4000" resp=200'
        )
    ]


def test_a_watch_is_logged_when_it_ends(caplog: pytest.LogCaptureFixture):
    """Its latency is how long it was open."""
    with caplog.at_level(logging.INFO, "watchcache.access"):
        answer = WatchReply([], lambda _: Running())
        asked = exchange("/api/v1/pods?watch=1")
        asked.request.headers = dict(HEADERS)
        AccessLog(lambda: 61.0).leave(asked, answer)
        running = answer.start(Sink())
        asked.request.headers.clear()  # as hosts do: a watch does not keep them
        assert not caplog.messages
        running.stop()
    assert 'verb="WATCH"' in caplog.text
    assert 'latency="60000.000ms"' in caplog.text
    assert 'userAgent="ku\\"be\\nctl"' in caplog.text


def test_nobody_listens_nothing_is_paid(caplog: pytest.LogCaptureFixture):
    """The filter is in the list only when its lines are wanted."""
    with caplog.at_level(logging.WARNING, "watchcache.access"):
        assert access_log() == ()
    with caplog.at_level(logging.INFO, "watchcache.access"):
        assert len(access_log()) == 1
