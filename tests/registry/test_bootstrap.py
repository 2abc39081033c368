"""What a fresh server holds for the cluster's other servers and controllers."""

from __future__ import annotations

from random import Random

from tests.registry.scene import Client
from watchcache.api.codec import stamp
from watchcache.cacher import Hub
from watchcache.registry import Registry, Settings

AUTHENTICATION = "extension-apiserver-authentication"


async def prepared(client: Client, settings: Settings) -> None:
    """Have another registry with these settings prepare itself on the client's log."""
    hub = Hub(client.log, stamp=stamp)
    await Registry(client.log, hub, client.catalog, settings, clock=client.clock, random=Random(7)).prepare()


async def test_the_day_of_token_tracking_is_known(client: Client):
    """The cleaner of kube-controller-manager reads since when uses of tokens are recorded."""
    name = "kube-apiserver-legacy-service-account-token-tracking"
    assert client.get("v1/configmaps", name, "kube-system")["data"] == {"since": "2027-01-15"}


async def test_without_a_ca_nothing_is_published(client: Client):
    """A registry that was given no CA says nothing about authentication."""
    assert not client.exists("v1/configmaps", AUTHENTICATION, "kube-system")


async def test_the_cas_are_published_and_follow_the_settings(client: Client):
    """Other servers of the cluster find whom to believe; a start with another CA replaces the old one."""
    await prepared(client, Settings(client_ca="one", proxy_ca="two"))
    found = client.get("v1/configmaps", AUTHENTICATION, "kube-system")
    assert found["data"]["client-ca-file"] == "one"
    assert found["data"]["requestheader-client-ca-file"] == "two"
    assert found["data"]["requestheader-allowed-names"] == '["front-proxy-client"]'
    await prepared(client, Settings(client_ca="three"))
    found = client.get("v1/configmaps", AUTHENTICATION, "kube-system")
    assert found["data"] == {"client-ca-file": "three"}
