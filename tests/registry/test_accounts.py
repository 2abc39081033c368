"""The plugin ServiceAccount waits for what a controller is about to make. Its rules are in tests/accounts."""

from __future__ import annotations

import pytest
import trio

from tests.registry.scene import Client, pod, refused
from watchcache.registry import Settings


@pytest.fixture
def settings() -> Settings:
    """The plugin is on."""
    return Settings(service_account_plugin=True)


async def test_the_account_default_is_waited_for(autojump_clock, client: Client):
    """A controller makes it a moment after the namespace, and pods come at once."""

    async def make_later() -> None:
        await trio.sleep(0.8)
        await client.create("v1/serviceaccounts", {"metadata": {"name": "default"}})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(make_later)
        made = await client.create("v1/pods", pod("p"))
    assert made["spec"]["serviceAccountName"] == "default"


@pytest.mark.parametrize(("name", "least", "most"), [("default", 0.9, 1.8), ("other", 0.0, 0.0)])
async def test_an_account_that_does_not_come_is_missing(
    autojump_clock, client: Client, name: str, least: float, most: float
):
    """Ten looks for `default`, one for any other."""
    began = trio.current_time()
    document = pod("p")
    document["spec"]["serviceAccountName"] = name
    error = await refused(client.create("v1/pods", document), 403)
    assert error.message.endswith(f'serviceaccount "{name}" not found')
    assert least <= trio.current_time() - began <= most
