"""Lists and gets on a running log: at which state, in which order, in which pages (L1-L6, L15-L17, L20, L21)."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from watchcache.cacher import Bounds, Expired, FutureRevision, NotReady, Selection, plan_list
from watchcache.cacher.continuation import decode

from .scene import HasLabel, Scene, make_pods, running


def names(listing) -> list[str]:
    """The keys of a listing without the resource's prefix."""
    return [entry.key.removeprefix("pods/") for entry in listing.entries]


async def put_all(scene: Scene, *pods: str) -> int:
    """Write pods in the given order; returns the last revision."""
    return [await scene.put(pod) for pod in pods][-1]


async def test_a_list_is_in_byte_order_of_keys(scene: Scene) -> None:
    """Namespaces and names sort as bytes: `a-b/x` before `a/x`, `x-a` before `x.a` before `x0`."""
    await put_all(scene, "a/x0", "a/x.a", "a/x", "a/x-a", "a-b/x")
    listing = await scene.pods.list(Selection(), plan_list(None))
    assert names(listing) == ["a-b/x", "a/x", "a/x-a", "a/x.a", "a/x0"]


async def test_a_list_tells_the_newest_revision_of_all(scene: Scene) -> None:
    """The list's revision is the newest published, of whatever resource."""
    await put_all(scene, "a/x")
    revision = await scene.other()
    listing = await scene.pods.list(Selection(), plan_list(None))
    assert (listing.revision, listing.continue_token, listing.remaining) == (revision, "", None)


async def test_a_selection_narrows_a_list(scene: Scene) -> None:
    """Namespace, name, index and labels each narrow what is listed."""
    await scene.put("a/x", node="n1", labels={"app": "web"})
    await scene.put("a/y", node="n2", labels={"app": "web"})
    await scene.put("b/x", node="n1")
    listed = {
        Selection("a/"): ["a/x", "a/y"],
        Selection(name="b/x"): ["b/x"],
        Selection(name="b/z"): [],
        Selection(index=("node", "n1")): ["a/x", "b/x"],
        Selection(index=("phase", "")): ["a/x", "a/y", "b/x"],
        Selection("a/", index=("node", "n1")): ["a/x"],
        Selection(predicate=HasLabel("app", "web")): ["a/x", "a/y"],
    }
    for selection, expected in listed.items():
        assert names(await scene.pods.list(selection, plan_list(None))) == expected


async def test_a_listing_stays_as_it_was(scene: Scene) -> None:
    """Writes after the list do not change it."""
    await put_all(scene, "a/x")
    listing = await scene.pods.list(Selection(), plan_list(None))
    await scene.delete("a/x")
    assert names(listing) == ["a/x"]


async def test_pages_show_the_state_of_the_first(scene: Scene) -> None:
    """Later pages carry the first one's revision, whatever has been written since, and count what remains."""
    revision = await put_all(scene, "a/1", "a/2", "a/3", "b/4", "b/5")
    first = await scene.pods.list(Selection(), plan_list(None, limit=2))
    await scene.delete("a/3")
    await put_all(scene, "a/2x", "c/6")
    second = await scene.pods.list(Selection(), plan_list(None, limit=2, continue_token=first.continue_token))
    third = await scene.pods.list(Selection(), plan_list(None, limit=2, continue_token=second.continue_token))
    assert [names(page) for page in (first, second, third)] == [["a/1", "a/2"], ["a/3", "b/4"], ["b/5"]]
    assert [page.revision for page in (first, second, third)] == [revision] * 3
    assert [page.remaining for page in (first, second, third)] == [3, 1, None]
    assert decode(first.continue_token).start == "a/2\0"


async def test_a_page_with_a_selector_is_filled_up(scene: Scene) -> None:
    """Only matches count towards the limit, and what remains is not told."""
    for number in range(6):
        await scene.put(f"a/{number}", labels={"odd": str(number % 2)})
    odd = Selection("a/", predicate=HasLabel("odd", "1"))
    first = await scene.pods.list(odd, plan_list(None, limit=2))
    rest = await scene.pods.list(odd, plan_list(None, limit=2, continue_token=first.continue_token))
    assert (names(first), first.remaining, names(rest)) == (["a/1", "a/3"], None, ["a/5"])
    assert decode(first.continue_token).start == "3\0"


async def test_a_token_serves_another_namespace_and_selector(scene: Scene) -> None:
    """A token only sets revision and start, relative to what is listed with it."""
    await put_all(scene, "a/1", "a/2", "b/1", "b/2")
    page = await scene.pods.list(Selection("a/"), plan_list(None, limit=1))
    other = await scene.pods.list(Selection("b/"), plan_list(None, continue_token=page.continue_token))
    assert names(other) == ["b/2"]


async def test_a_future_revision_is_waited_for(scene: Scene) -> None:
    """A list not older than a revision answers as soon as that is published."""
    listings = []

    async def list_it() -> None:
        listings.append(await scene.pods.list(Selection(), plan_list(1)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(list_it)
        await scene.settle()
        assert not listings
        await put_all(scene, "a/x")
    assert names(listings[0]) == ["a/x"]


@pytest.mark.parametrize("options", [(5,), (5, "Exact"), (5, "", 1), (5, "NotOlderThan", 1)])
async def test_a_revision_that_does_not_come_is_reported_after_three_seconds(
    autojump_clock, scene: Scene, options
) -> None:
    """Whatever the match and limit, the wait ends after 3 s, and leaves nothing behind."""
    await put_all(scene, "a/x")
    before = trio.current_time()
    with pytest.raises(FutureRevision) as caught:
        await scene.pods.list(Selection(), plan_list(*options))
    assert trio.current_time() - before == pytest.approx(3.0)
    assert str(caught.value) == "Too large resource version: 5, current: 1"
    assert len(scene.hub.thresholds) == 0


async def test_an_exact_list_reads_the_past_of_the_log(autojump_clock) -> None:
    """A revision older than the window is read from the log's history."""
    async with running(bounds=Bounds(changes=1)) as scene:
        past = await put_all(scene, "a/1", "a/2")
        await scene.delete("a/1")
        await put_all(scene, "a/3", "a/2")
        listing = await scene.pods.list(Selection(), plan_list(past, "Exact"))
        assert (names(listing), listing.revision) == (["a/1", "a/2"], past)


async def test_a_revision_without_history_is_expired(autojump_clock) -> None:
    """After compaction an exact list is refused, and a page gets a token for the rest at the newest state."""
    async with running(bounds=Bounds(changes=1)) as scene:
        await put_all(scene, "a/1", "a/2", "a/3")
        page = await scene.pods.list(Selection(), plan_list(None, limit=1))
        await put_all(scene, "a/4", "a/5")
        await scene.log.compact(4)
        with pytest.raises(Expired) as plain:
            await scene.pods.list(Selection(), plan_list(2, "Exact"))
        assert plain.value.continue_token is None
        with pytest.raises(Expired) as paged:
            await scene.pods.list(Selection(), plan_list(None, continue_token=page.continue_token))
        token = paged.value.continue_token or ""
        rest = await scene.pods.list(Selection(), plan_list(0, limit=3, continue_token=token))
        assert (names(rest), rest.revision, rest.remaining) == (["a/2", "a/3", "a/4"], 5, 1)


async def test_pages_are_refused_when_their_lifetime_is_over(autojump_clock) -> None:
    """Between one lifetime and a fifth more after it was given out, a token for an outdated state is refused with one for the newest (L17)."""
    async with running(page_lifetime=300.0) as scene:
        await put_all(scene, "a/1", "a/2", "a/3")
        page = await scene.pods.list(Selection(), plan_list(None, limit=1))
        proceed = plan_list(None, continue_token=page.continue_token)
        began, listed = trio.current_time(), 0
        await put_all(scene, "a/4")
        with pytest.raises(Expired) as paged:
            while True:
                assert names(await scene.pods.list(Selection(), proceed)) == ["a/2", "a/3"]
                listed += 1
                await trio.sleep(20)
        assert 300 < trio.current_time() - began <= 380, listed
        token = paged.value.continue_token or ""
        rest = await scene.pods.list(Selection(), plan_list(None, continue_token=token))
        assert (names(rest), rest.revision) == (["a/2", "a/3", "a/4"], 4)
        exact = await scene.pods.list(Selection(), plan_list(3, "Exact"))
        assert names(exact) == ["a/1", "a/2", "a/3"], "an exact list goes back as far as the history"


@pytest.mark.parametrize("lifetime", [0.0, 300.0])
async def test_pages_of_the_newest_state_can_always_be_continued(autojump_clock, lifetime) -> None:
    """Where nothing was written since, and where pages have no lifetime, time alone ends nothing."""
    async with running(page_lifetime=lifetime) as scene:
        await put_all(scene, "a/1", "a/2")
        page = await scene.pods.list(Selection(), plan_list(None, limit=1))
        if not lifetime:
            await put_all(scene, "a/3")
        for _ in range(30):
            await trio.sleep(60)
            rest = await scene.pods.list(Selection(), plan_list(None, continue_token=page.continue_token))
            assert names(rest) == ["a/2"]


async def test_the_window_serves_what_the_log_has_compacted(scene: Scene) -> None:
    """An exact list within the window does not need the log."""
    past = await put_all(scene, "a/1", "a/2")
    await put_all(scene, "a/3")
    await scene.log.compact(3)
    assert names(await scene.pods.list(Selection(), plan_list(past, "Exact"))) == ["a/1", "a/2"]


async def test_a_large_selection_lets_others_run(scene: Scene) -> None:
    """A list that asks a selector of many objects gives way between blocks, and still shows one state."""
    tickets = [
        scene.log.append_nowait(f"pods/a/{n:05}", b'{"labels":{},"node":"","phase":""}') for n in range(5000)
    ]
    await tickets[-1].wait()
    listings = []

    async def list_it() -> None:
        listings.append(await scene.pods.list(Selection(predicate=HasLabel("app", "")), plan_list(None)))
        listings.append(await scene.pods.list(Selection(index=("phase", "")), plan_list(None)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(list_it)
        await trio.lowlevel.checkpoint()
        await scene.delete("a/04999")
    assert [len(listing.entries) for listing in listings] == [0, 4999]


async def test_a_small_list_does_not_wait(scene: Scene) -> None:
    """A list at the state that is there answers in one step, without a checkpoint."""
    await put_all(scene, "a/1")
    for plan in (plan_list(None), plan_list(0), plan_list(1, "Exact"), plan_list(1, limit=1)):
        with trio.testing.assert_no_checkpoints():
            assert names(await scene.pods.list(Selection(), plan)) == ["a/1"]


async def test_a_cacher_that_is_not_loaded_is_not_ready(scene: Scene) -> None:
    """Lists are refused before a cacher has a hub, and after it has been removed."""
    fresh = make_pods()
    with pytest.raises(NotReady):
        await fresh.list(Selection(), plan_list(None))
    scene.hub.remove(scene.pods)
    with pytest.raises(NotReady):
        await scene.pods.list(Selection(), plan_list(0))
    await scene.put("a/x")
    scene.hub.add(fresh)
    assert names(await fresh.list(Selection(), plan_list(None))) == ["a/x"]


async def test_a_second_hub_loads_what_the_log_holds(scene: Scene) -> None:
    """A cacher on a log with a past has its state and can go back in it."""
    past = await put_all(scene, "a/1", "a/2")
    await scene.delete("a/1")
    async with running(scene.log) as later:
        assert later.pods.get("pods/a/1") is None
        assert names(await later.pods.list(Selection(), plan_list(None))) == ["a/2"]
        assert names(await later.pods.list(Selection(), plan_list(past, "Exact"))) == ["a/1", "a/2"]


writes = st.lists(
    st.tuples(st.sampled_from(["a/1", "a/2", "b/1", "b/2", "c/1"]), st.sampled_from(["n1", "n2", None])),
    max_size=20,
)
scopes = st.sampled_from(
    [
        Selection(),
        Selection("a/"),
        Selection(name="b/1"),
        Selection(index=("node", "n1")),
        Selection("b/", index=("node", "n2")),
        Selection(predicate=HasLabel("on", "n1")),
    ]
)


@settings(max_examples=60, deadline=None)
@given(writes, st.integers(0, 3), scopes, st.integers(0, 3), st.sampled_from([1, 4, 1000]))
def test_any_revision_can_be_listed_in_any_pages(history, after, selection, limit, window) -> None:
    """For every revision of a random history, an exact list in pages equals the state that a model had then."""

    async def scenario() -> None:
        async with running(bounds=Bounds(changes=window)) as scene:
            model: dict[str, str] = {}
            states = [dict(model)]
            for name, node in history:
                if node is None and name not in model:
                    continue
                if node is None:
                    await scene.delete(name)
                    del model[name]
                else:
                    await scene.put(name, node=node, labels={"on": node})
                    model[name] = node
                states.append(dict(model))
            scene.pods.check()
            for revision, state in list(enumerate(states))[1:]:
                expected = sorted(name for name, node in state.items() if _selected(selection, name, node))
                assert await _paged(scene, selection, revision, limit) == expected

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


async def _paged(scene: Scene, selection: Selection, revision: int, limit: int) -> list[str]:
    plan, found = plan_list(revision, "Exact", limit), []
    while True:
        listing = await scene.pods.list(selection, plan)
        assert listing.revision == revision
        assert not limit or len(listing.entries) <= limit
        found += names(listing)
        if not listing.continue_token:
            return found
        assert selection.whole == (listing.remaining is not None)
        plan = plan_list(None, "", limit, listing.continue_token)


def _selected(selection: Selection, name: str, node: str) -> bool:
    if not name.startswith(selection.prefix) or (selection.name and selection.name != name):
        return False
    wanted = selection.index[1] if selection.index else "n1" if selection.predicate else node
    return node == wanted
