"""ASGI applications behind the wire host."""

from __future__ import annotations

import pytest
import trio
from quart import request as quart_request
from quart_trio import QuartTrio

from watchcache.http.wire.asgi import asgi_bridge

from .scene import dial, read_all, read_until, request, responses, running, talk


def quart_app() -> QuartTrio:
    """A small application with a lifespan."""
    app = QuartTrio("console")

    @app.before_serving
    async def begin():
        app.config["began"] = True

    @app.after_serving
    async def end():
        app.config["ended"] = True

    @app.route("/page", methods=["POST"])
    async def page():
        body = await quart_request.get_data()
        return (
            f"{quart_request.args['a']} {body.decode()} {quart_request.scheme} {app.config['began']}",
            202,
            {"X-Own": "1"},
        )

    return app


async def test_a_quart_application_answers_requests():
    """Path, query, body and headers go in; status, headers and body come out; the lifespan is kept."""
    app = quart_app()
    async with asgi_bridge(app) as bridge, running(handler=bridge) as scene:
        ((status, body),) = responses(
            await talk(scene, request("POST", "/page?a=b%20c", b"text", close=True))
        )
        assert (status, body) == (202, b"b c text http True")
        answer = await talk(scene, request(target="/none", close=True))
        assert answer.startswith(b"HTTP/1.1 404")
        assert answer.count(b"Date:") == 1
    assert app.config["ended"]


async def _endless(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    await receive()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    )
    try:
        while True:
            await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
    finally:
        _endless.ended.set()


async def test_a_streaming_application_is_stopped_when_the_client_leaves():
    """Blocks go out as they come, with back-pressure, and the application's task ends with the client."""
    _endless.ended = trio.Event()
    async with asgi_bridge(_endless) as bridge, running(handler=bridge) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(target="/events"))
            assert b"data: x\n\n" in await read_until(stream, b"data: x\n\n\r\n")
        with trio.fail_after(5):
            await _endless.ended.wait()


@pytest.mark.parametrize("when", ["before", "in the middle"])
async def test_a_failing_application_costs_one_request(when, caplog):
    """Before its answer: 500. In the middle of a body: the body is cut short."""

    async def app(scope, receive, send):
        if scope["type"] == "http" and when != "before":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        raise RuntimeError("its own fault")

    async with asgi_bridge(app) as bridge, running(handler=bridge) as scene:
        async with await dial(scene) as stream:
            await stream.send_all(request(close=True))
            answer = await read_all(stream)
        assert answer.startswith(b"HTTP/1.1 500" if when == "before" else b"HTTP/1.1 200")
        assert not answer.endswith(b"0\r\n\r\n")
        assert "its own fault" in caplog.text


async def test_an_application_that_cannot_start_says_so():
    """startup.failed ends the bridge with the application's message."""

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    with pytest.raises(BaseExceptionGroup) as caught:
        async with asgi_bridge(app):
            raise AssertionError("not reached")
    assert "no disk" in repr(caught.value)
