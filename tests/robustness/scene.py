"""What all clients of a run share: the servers, the history, and what was last seen of the objects."""

from __future__ import annotations

from random import Random
from typing import Any

import trio

from .exchange import Caller
from .history import NAMESPACE, History, Scope
from .servers import TOKEN, ServerProcess

HOT = tuple(f"hot{number}" for number in range(6))  # what all write to
SHADES = ("light", "dark")
SCOPES = (Scope("configmaps"), Scope("configmaps", "light"), Scope("events"))
LAST = "last"  # names begin with it: written when all is well again


class Glimpse:
    """What was last seen of an object; it may be outdated, and then writes that build on it are refused."""

    def __init__(self, document: dict[str, Any]) -> None:
        metadata = document["metadata"]
        self.revision = int(metadata["resourceVersion"])
        self.uid: str = metadata["uid"]
        self.data: dict[str, str] = document.get("data") or {}


class Scene:
    """One run."""

    def __init__(self, seed: str, servers: list[ServerProcess]) -> None:
        self._callers: list[Caller] = []
        self.seed = seed
        self.servers = servers
        self.history = History()
        self.glimpses: dict[str, Glimpse] = {}  # by name, of configmaps
        self.newest = 0  # the newest revision that anybody was shown
        self.over = trio.Event()  # load ends
        self.last: dict[
            str, int
        ] = {}  # resource -> revision of what is written last; watches end when they have come to it

    def random(self, name: str) -> Random:
        """The choices of one client: they follow from the seed and its name."""
        return Random(f"{self.seed}/{name}")

    def caller(self, server: int) -> Caller:
        """A way to call a server."""
        process = self.servers[server]
        caller = Caller(process.url, {"Authorization": f"Bearer {TOKEN}"}, process.context())
        self._callers.append(caller)
        return caller

    def close(self) -> None:
        """Cut all connections of clients."""
        for caller in self._callers:
            caller.close()

    def saw(self, revision: int) -> None:
        """Somebody was shown a revision."""
        self.newest = max(self.newest, revision)


def path_of(name: str, resource: str = "configmaps") -> str:
    """The path of an object."""
    return f"/api/v1/namespaces/{NAMESPACE}/{resource}/{name}"


def key_of(name: str, resource: str = "configmaps") -> str:
    """The key of an object."""
    return f"{resource}/{NAMESPACE}/{name}"
