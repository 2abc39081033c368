"""Charging a resource quota: a read-modify-write of its status, by the server itself."""

from __future__ import annotations

from collections.abc import Callable

from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.registry.calls import Call, Document
from watchcache.registry.store import Store, read_modify_write

_SERVER = UserInfo("system:apiserver", "", ("system:masters",))


async def charge(store: Store, namespace: str, name: str, charged: Callable[[Document], Document]) -> None:
    """Make of the newest state of a quota what `charged` says; a quota that has gone binds nobody. Raises what `charged` raises."""
    resource = store.catalog.of_kind("", "v1", "ResourceQuota")
    assert resource is not None, "the catalog has the quotas"

    async def modify(quota: Document, revision: int) -> Document:
        del revision
        return charged(quota)

    try:
        await read_modify_write(store, Call(resource, _SERVER, "update", namespace, name, "status"), modify)
    except StatusError as error:
        if error.code != 404:
            raise
