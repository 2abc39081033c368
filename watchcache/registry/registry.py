"""The registry's door object: one method for each verb.

A write goes: identity checks -> structure and defaults -> admission -> the kind's strategy ->
metadata rules -> `log.append` -> answer. Its answer is given when the event is durable and delivered
(rule 3 of the design); errors that depend on a state that is not durable yet wait for it too.
Reads answer from the cachers; `get_nowait` never waits.

Every method raises `StatusError` only (besides what the log raises when its journal failed).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import trio

from watchcache.registry.calls import Call, Document, Listed, Outcome


class Settings(msgspec.Struct, frozen=True):
    """What an operator chooses about the registry; names follow kube-apiserver's flags.

    `event_ttl` is in seconds; `advertise_address` and `secure_port` go into the endpoints of the
    service `default/kubernetes`.
    """

    event_ttl: float = 3600.0
    service_cluster_ip_range: str = "10.0.0.0/24"
    service_node_port_range: str = "30000-32767"
    advertise_address: str = "127.0.0.1"
    secure_port: int = 6443


class Registry:
    """All stored resources of one server, with the rules by which they live and change."""

    def __init__(
        self,
        log: Any,
        hub: Any,
        catalog: Any,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    async def prepare(self) -> None:
        """Rebuild what is derived from stored objects and create the standard ones; once, after the log is open and runs."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the housekeeping: namespace deletion and event expiry. Ends only when cancelled."""

    def get_nowait(self, call: Call) -> Outcome:
        """Read one object (or its scale, status, ...) at the newest published state. 404 when it is not there."""

    async def get(self, call: Call, resource_version: str) -> Outcome:
        """Read as `get_nowait`, after waiting for `resource_version` (L18). 500 when malformed, 504 when in the future."""

    async def list(self, call: Call, options: Any) -> Listed:
        """List a collection (L1-L21)."""

    async def watch(self, call: Call, options: Any, representation: Any) -> Callable[[Any], Any]:
        """Prepare a watch (W1-W19); what is returned starts it on a sink and gives the Watcher."""

    async def create(self, call: Call, document: Document) -> Outcome:
        """POST: create an object, or act through a subresource (binding, eviction, ...) or a review kind."""

    async def update(self, call: Call, document: Document) -> Outcome:
        """PUT: replace an object or a subresource (M4-M7)."""

    async def patch(self, call: Call, content_type: str, body: bytes, force: bool | None = None) -> Outcome:
        """PATCH with one of the patch types (M8, M9)."""

    async def delete(self, call: Call, options: Any) -> Outcome:
        """DELETE one object (M12-M15)."""

    async def delete_collection(self, call: Call, list_options: Any, delete_options: Any) -> Listed:
        """DELETE a collection; the list as it was read before (M20)."""
