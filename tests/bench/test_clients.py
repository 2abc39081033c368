"""The lean clients against a server of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import trio

from watchcache.bench import objects
from watchcache.bench.client import Dialer, Request
from watchcache.bench.kinds import CONFIG_MAPS, revision_of, write
from watchcache.bench.measures import Measures
from watchcache.bench.pacing import wait_until
from watchcache.bench.participant import Network, Participant
from watchcache.bench.selectors import Scope, collection
from watchcache.bench.server import free_port
from watchcache.bench.target import Target, read_kubeconfig
from watchcache.bench.watch import Watch
from watchcache.testing.server import TestServer

PROTOCOLS = ("http2", "http1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestServer]:
    """A server in memory."""
    with TestServer(tmp_path) as running:
        yield running


def network(server: TestServer) -> Network:
    """What participants need, with the administrator's certificate."""
    return Network(Dialer(read_kubeconfig(server.kubeconfig)), Measures(), Random(1))


async def ask(who: Participant, request: Request) -> tuple[int, bytes]:
    """Send a request and wait for the answer."""
    answers: list[tuple[int, bytes]] = []
    assert who.client is not None
    who.client.submit(request, lambda status, body: answers.append((status, body)))
    with trio.fail_after(10):
        await wait_until(lambda: bool(answers))
    return answers[0]


def create(number: int) -> Request:
    """A request that makes a config map."""
    return write(
        "POST", CONFIG_MAPS, collection(CONFIG_MAPS, "default"), objects.config_map(f"c-{number}", "default")
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("start", ["stream", "list", "now"])
async def test_a_watch_gets_every_event_once(server: TestServer, protocol: str, start: str):
    """However it starts, over either protocol, what is written afterwards comes in order, with its latency."""
    net = network(server)
    watch = Watch(Scope(CONFIG_MAPS, namespace="default"), "node", net.measures)
    who = Participant(net, [watch], protocol, start)  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        with trio.fail_after(10):
            await wait_until(lambda: who.up and not who.pending)
        revisions = [revision_of((await ask(who, create(number)))[1]) for number in range(20)]
        with trio.fail_after(10):
            await wait_until(lambda: watch.count == 20)
        nursery.cancel_scope.cancel()
    assert (watch.total, watch.position) == (sum(revisions), revisions[-1])
    assert net.measures.histograms["watch|node"].total == 20
    assert not {"repeated", "reordered", "ended"} & set(net.measures.counters)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_lost_connection_resumes_where_it_was(server: TestServer, protocol: str):
    """What is written while the client is away comes after it is back, and nothing comes twice."""
    net = network(server)
    watch = Watch(Scope(CONFIG_MAPS), "node", net.measures)
    who, writer = Participant(net, [watch], protocol), Participant(net)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        nursery.start_soon(writer.run)
        with trio.fail_after(10):
            await wait_until(lambda: who.up and not who.pending and writer.up)
        await ask(writer, create(1))
        with trio.fail_after(10):
            await wait_until(lambda: watch.count == 1)
        assert who.client is not None
        who.client.close()
        await ask(writer, create(2))
        with trio.fail_after(10):
            await wait_until(lambda: watch.count == 2)
        nursery.cancel_scope.cancel()
    counters = net.measures.counters
    assert counters["reconnects"] == 1
    assert not {"repeated", "reordered", "relists"} & set(counters)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_reader_that_stops_catches_up(server: TestServer, protocol: str):
    """Nothing comes while reading is stopped; afterwards everything does."""
    net = network(server)
    watch = Watch(Scope(CONFIG_MAPS), "node", net.measures)
    who, writer = Participant(net, [watch], protocol), Participant(net)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        nursery.start_soon(writer.run)
        with trio.fail_after(10):
            await wait_until(lambda: who.up and not who.pending and writer.up)
        assert who.client is not None
        who.client.hinder(0)
        await ask(writer, create(0))  # the read under way ends with this one
        for number in range(1, 30):
            await ask(writer, create(number))
        assert watch.count <= 1
        who.client.hinder(None)
        with trio.fail_after(10):
            await wait_until(lambda: watch.count == 30)
        nursery.cancel_scope.cancel()
    assert "reconnects" not in net.measures.counters


async def test_a_reader_that_is_cut_off_while_it_does_not_read_comes_back(server: TestServer):
    """The end of the connection ends the waiting; the next one reads at full speed."""
    net = network(server)
    watch = Watch(Scope(CONFIG_MAPS), "node", net.measures)
    who, writer = Participant(net, [watch]), Participant(net)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        nursery.start_soon(writer.run)
        with trio.fail_after(10):
            await wait_until(lambda: who.up and not who.pending and writer.up)
        assert who.client is not None
        who.client.hinder(0)
        for number in range(3):  # the first ends the read under way, so that the client waits
            await ask(writer, create(number))
        who.left = True
        who.client.close()
        with trio.fail_after(10):
            await wait_until(lambda: watch.count == 3)
        nursery.cancel_scope.cancel()
    assert net.measures.counters["returns"] == 1
    assert not {"reconnects", "repeated", "reordered", "relists"} & set(net.measures.counters)


async def test_more_requests_than_streams_wait_their_turn(server: TestServer):
    """The server allows 100 streams at once; 300 requests are all answered."""
    net = network(server)
    who = Participant(net)
    answers: list[int] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        with trio.fail_after(20):
            await wait_until(lambda: who.up)
            assert who.client is not None
            for number in range(300):
                who.client.submit(create(number), lambda status, _body: answers.append(status))
            await wait_until(lambda: len(answers) == 300)
        status, body = await ask(who, Request("GET", collection(CONFIG_MAPS, "default"), "LIST"))
        nursery.cancel_scope.cancel()
    assert set(answers) == {201}
    assert (status, len(json.loads(body)["items"])) == (200, 300)


async def test_a_server_that_is_not_there_is_tried_again():
    """Refused connections are counted, and do not end the participant."""
    target = Target(host="127.0.0.1", port=free_port(), authority="", verify=False)
    net = Network(Dialer(target), Measures(), Random(1))
    who = Participant(net)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(who.run)
        with trio.fail_after(10):
            await wait_until(lambda: net.measures.counters.get("refused", 0) >= 2)
        nursery.cancel_scope.cancel()
    assert not who.up
