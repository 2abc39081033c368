"""Who gets a seat when there are too few: fairness between users, short waits, exemptions, the price of large lists, turns."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio
import trio.testing
from served import Client, header, running_api

from watchcache.api.user import UserInfo
from watchcache.auth import AlwaysAllow, Credentials
from watchcache.http import Options, Peer, Reply, Request, Stream
from watchcache.http.accounting import Accounting
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.filters import standard_filters
from watchcache.http.in_flight import InFlight
from watchcache.http.lifecycle import Lifecycle
from watchcache.http.lists import LARGE
from watchcache.http.messages import Answer
from watchcache.http.metrics import Metrics
from watchcache.http.pipeline import Pipeline
from watchcache.http.pool import WAIT, Pool
from watchcache.http.turns import Turns

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1"
PODS = "/api/v1/namespaces/ns/pods"


# -- places


async def test_nobody_holds_all_places():
    """One user stops at seven eighths, and another finds a place."""
    pool = Pool(16)
    assert [pool.take_now("greedy") for _ in range(20)].count(True) == 14
    assert pool.take_now("modest")


async def test_who_finds_none_waits_for_a_moment_and_is_refused(autojump_clock: trio.testing.MockClock):
    """Not longer: half a second later the client is told to come again."""
    pool = Pool(1)
    assert pool.take_now("a")
    started = trio.current_time()
    assert not await pool.take("b")
    assert trio.current_time() - started == pytest.approx(WAIT)
    assert (pool.waiting, pool.rejected, pool.held) == (0, 1, {"a": 1})


async def test_a_free_place_goes_to_who_holds_the_fewest(autojump_clock: trio.testing.MockClock):
    """Although the greedy user's requests came first."""
    pool, order = Pool(4), list[str]()

    async def ask(user: str) -> None:
        if await pool.take(user):
            order.append(user)

    for _ in range(4):
        assert pool.take_now("greedy")
    async with trio.open_nursery() as nursery:
        for user in ("greedy", "greedy", "modest"):
            nursery.start_soon(ask, user)
            await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            pool.give("greedy")
            await trio.testing.wait_all_tasks_blocked()
    assert order[0] == "modest"
    assert sorted(order) == ["greedy", "greedy", "modest"]


async def test_a_line_has_an_end():
    """What could only be refused later is refused at once."""
    pool = Pool(1, line=2)
    assert pool.take_now("a")
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(pool.take, "b")
        await trio.testing.wait_all_tasks_blocked()
        assert pool.waiting == 2
        assert not await pool.take("b")
        nursery.cancel_scope.cancel()
    assert pool.waiting == 0


async def test_who_leaves_the_line_takes_nothing():
    """A client that goes away while it waits, also in the moment in which its place came free."""
    pool = Pool(1)
    assert pool.take_now("a")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.take, "b")
        await trio.testing.wait_all_tasks_blocked()
        pool.give("a")
        nursery.cancel_scope.cancel()
    assert pool.waiting == 0
    assert pool.taken == sum(pool.held.values())


async def test_what_is_larger_than_all_places_gets_what_a_user_may_hold():
    """So that it is served some time, alone."""
    pool = Pool(80)
    assert pool.take_now("a", 1000)
    assert not pool.take_now("a", 1)
    pool.give("a", 1000)
    assert (pool.taken, pool.held) == (0, {})


# -- the filter


class Anyone:
    """Believes whatever name comes as the authorization."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        return UserInfo(name=credentials.authorization)


class Busy:
    """A pipeline of few seats, whose endpoint answers when the gate opens."""

    def __init__(self, reading: int, mutating: int) -> None:
        self.gate = trio.Event()
        self.in_flight = InFlight(reading, mutating)
        self.metrics = Metrics()
        lifecycle = Lifecycle()
        accounting = Accounting(self.metrics, lifecycle, clock=trio.current_time)
        filters = standard_filters(accounting, lifecycle, 60.0, Anyone(), self.in_flight, AlwaysAllow())
        self.handle = Pipeline(filters, self.endpoint, clock=trio.current_time)

    def endpoint(self, exchange: Exchange) -> Answering:
        if exchange.user.name == "slow":
            return self.wait()
        return Reply(200, [], b"")

    async def wait(self) -> Answer:
        await self.gate.wait()
        return Reply(200, [], b"")

    async def ask(self, user: str, target: str = PODS, method: str = "GET") -> Reply:
        request = Request(method, target, {"authorization": user}, b"", "1.1", Peer("127.0.0.1", 1))
        answer = self.handle(request)
        answer = answer if isinstance(answer, Reply) else await answer  # type: ignore[misc]
        assert isinstance(answer, Reply)
        return answer


async def crowded(busy: Busy, nursery: trio.Nursery) -> None:
    """All seats are taken by one user."""
    for method in ("GET", "POST"):
        for _ in range(2):
            nursery.start_soon(busy.ask, "slow", PODS, method)
    await trio.testing.wait_all_tasks_blocked()
    assert busy.in_flight.current == {False: 2, True: 2}


@pytest.mark.parametrize(
    ("target", "method"), [(LEASE, "PUT"), (LEASE, "GET"), ("/livez", "GET"), ("/readyz/ping", "GET")]
)
async def test_leases_and_health_need_no_seat(target: str, method: str):
    """A busy server does not look dead, and its nodes and leaders stay alive."""
    busy = Busy(2, 2)
    async with trio.open_nursery() as nursery:
        await crowded(busy, nursery)
        with trio.fail_after(5):
            assert (await busy.ask("node", target, method)).status == 200
        busy.gate.set()
    assert busy.in_flight.current == {False: 0, True: 0}


async def test_a_request_that_waited_for_its_seat_is_served(autojump_clock: trio.testing.MockClock):
    """It goes on where it stood: through the other filters to its verb."""
    busy = Busy(2, 2)
    async with trio.open_nursery() as nursery:
        await crowded(busy, nursery)

        async def open_gate() -> None:
            await trio.sleep(WAIT / 2)
            busy.gate.set()

        nursery.start_soon(open_gate)
        reply = await busy.ask("late")
        assert reply.status == 200
        assert header(reply, "Audit-Id")
    assert busy.in_flight.current == {False: 0, True: 0}


async def test_waiting_for_a_seat_is_no_part_of_the_service_level(autojump_clock: trio.testing.MockClock):
    """One is refused after half a second, one waits a quarter and is then answered at once: that is in the durations, and not in `sli`."""
    busy = Busy(2, 2)
    async with trio.open_nursery() as nursery:
        await crowded(busy, nursery)
        assert (await busy.ask("refused")).status == 429

        async def open_gate() -> None:
            await trio.sleep(WAIT / 2)
            busy.gate.set()

        nursery.start_soon(open_gate)
        assert (await busy.ask("late")).status == 200
    text = busy.metrics.text().decode()

    def value(name: str, more: str = "") -> float:
        labels = 'group="",resource="",scope="",subresource="",verb="GET",version=""'
        (found,) = re.findall(rf'^{name}{{component="apiserver",{more}{labels}}} (.*)', text, re.MULTILINE)
        return float(found)

    held = 2 * (WAIT + WAIT / 2)  # by those who had the seats
    duration, sli = "apiserver_request_duration_seconds", "apiserver_request_sli_duration_seconds"
    assert value(f"{duration}_sum", 'dry_run="",') == pytest.approx(held + WAIT + WAIT / 2, abs=0.01)
    assert value(f"{sli}_sum") == pytest.approx(held, abs=0.01)
    assert (value(f"{sli}_count"), value(f"{duration}_count", 'dry_run="",')) == (4, 4)
    assert re.search(rf'^{sli}_bucket{{.*le="0.05".*verb="GET".*}} 2.0$', text, re.MULTILINE)
    waits = {granted: wait.counts for granted, wait in busy.in_flight.pools[False].waits.items()}
    assert [sum(waits[True]), sum(waits[False])] == [1, 1]


async def test_lists_of_leases_are_like_any_other():
    """Only single leases go on in any case."""
    busy = Busy(1, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy.ask, "slow")
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(0):
            await busy.ask("node", LEASE.removesuffix("/n1"))
            pytest.fail("it got a seat")
        nursery.cancel_scope.cancel()


# -- large lists


CONFIG = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def full() -> AsyncIterator[Client]:
    """A server with 5 MB of configuration, whose budget of lists is 6 MB."""
    async with running_api(Options(max_list_bytes=6_000_000)) as api:
        client = Client(api)
        for number in range(10):
            data = {"text": "x" * 500_000}
            await client.create(CONFIG, {"metadata": {"name": f"c{number}"}, "data": data})
        yield client


async def test_a_large_list_keeps_its_seats_until_it_is_sent(full: Client):
    """And its bytes; both are free when the last block has been taken."""
    answer = await full.start("GET", CONFIG)
    assert isinstance(answer, Stream)
    lists, in_flight = full.api.lists, full.api.in_flight
    assert lists.bytes.taken > 5_000_000 > LARGE
    assert in_flight.current[False] == 2
    blocks = [block async for block in answer.blocks]
    assert sum(map(len, blocks)) > 5_000_000
    assert (lists.bytes.taken, in_flight.current[False]) == (0, 0)


async def test_lists_over_the_budget_are_refused(full: Client, autojump_clock: trio.testing.MockClock):
    """With a Status that says when to come again; a small answer passes meanwhile."""
    first = await full.start("GET", CONFIG)
    refused = await full.ask("GET", CONFIG)
    assert (refused.status, header(refused, "Retry-After")) == (429, "1")
    assert (await full.ask("GET", f"{CONFIG}?limit=1")).status == 200
    assert isinstance(first, Stream)
    del first  # the client left before it took anything
    assert (await full.ask("GET", CONFIG)).status == 200
    assert full.api.lists.rejected == 1


async def test_a_list_made_whole_is_charged_too(full: Client):
    """YAML and indented JSON are made in one go; they are sent as a stream all the same."""
    answer = await full.start("GET", CONFIG, accept="application/yaml")
    assert isinstance(answer, Stream)
    assert full.api.lists.bytes.taken > 5_000_000
    assert b"".join([block async for block in answer.blocks]).startswith(b"apiVersion: v1\n")
    assert full.api.lists.bytes.taken == 0


# -- turns


async def test_turns_go_round_the_users_one_in_each_pass():
    """A user with one answer is not behind another's sixteen."""
    turns, order = Turns(), list[str]()

    async def make(user: str, pieces: int) -> None:
        for _ in range(pieces):
            await turns.wait(user)
            order.append(user)

    async with trio.open_nursery() as nursery:
        for _ in range(16):
            nursery.start_soon(make, "greedy", 4)
        nursery.start_soon(partial(make, "modest", 4))
    assert len(order) == 68
    last = max(number for number, user in enumerate(order) if user == "modest")
    assert last < 24


async def test_a_turn_that_nobody_takes_is_handed_on():
    """Who is cancelled while it waits holds up nobody."""
    turns = Turns()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(turns.wait, "a")
        nursery.cancel_scope.cancel()
    with trio.fail_after(5):
        await turns.wait("b")
