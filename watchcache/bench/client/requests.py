"""What is asked of a server, and what every client can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

JSON = "application/json"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"

OnEnd = Callable[[int, bytes], None]
"""Called once with (status, body). Status 0: the connection was lost first. Of a watch the body is what an error said."""
OnData = Callable[[bytes], None]
"""Called with a watch's bytes, and once with none when the server has accepted the watch."""


class Request(msgspec.Struct, frozen=True):
    """One request. `label` is what it is counted as: verb and resource, as `PUT leases`.

    `writes` names the resource whose new revision the answer carries, for the check against the log; empty: none.
    """

    method: str
    path: str
    label: str
    body: bytes = b""
    content_type: str = JSON
    writes: str = ""


class Client(Protocol):
    """A participant's way to the server: one connection, or for HTTP/1.1 several."""

    @property
    def alive(self) -> bool:
        """Whether requests can still be answered."""

    @property
    def arrived(self) -> int:
        """When what is being handed to callbacks arrived (`time.monotonic_ns`); 0: not known."""

    async def run(self) -> None:
        """Receive until the connection ends, then end everything that is open with status 0."""

    def submit(self, request: Request, on_end: OnEnd) -> None:
        """Send a request now, or as soon as the server's limits allow."""

    def watch(self, path: str, on_data: OnData, on_end: OnEnd) -> None:
        """Open a watch; its bytes come as the network cut them."""

    def close(self) -> None:
        """Drop the connection at once, as a machine that loses its power."""

    def hinder(self, bytes_per_second: float | None) -> None:
        """Read slowly from now on; 0 stops reading, None reads at full speed again."""
