"""A resolved path: the resource that answers it, and the verb."""

from __future__ import annotations

import msgspec

from watchcache.api.catalog import Resource


class Route(msgspec.Struct, frozen=True, gc=False):
    """A resource that is served, and what is to be done with it."""

    resource: Resource
    verb: str
