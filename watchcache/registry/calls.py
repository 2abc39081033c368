"""What goes into and comes out of the registry: one request, one answer, one list.

The HTTP layer makes a `Call` from what it knows about a request and gets back bytes wherever an
object is stored (rule 4 of the architecture: objects are bytes), and a document only for what is not
stored as such: a Status, a Scale, a review, a dry-run creation (which has no resourceVersion).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from watchcache.api.catalog import Resource
from watchcache.api.user import UserInfo

Document = dict[str, Any]


class Call(msgspec.Struct):
    """A request on one resource, as far as the registry needs to know it.

    `namespace` is empty for cluster-scoped kinds and for "all namespaces"; `name` is empty on
    collections; `subresource` is empty for the object itself. `warnings` collects the texts of the
    `Warning: 299` headers of the answer. `tracks`: the client named its field manager, so that owners are kept of what it creates. `field_validation` is "Ignore", "Warn" or "Strict"; `repeated` are the
    problems that only the body's text shows (repeated keys), reported with the unknown fields.
    """

    resource: Resource
    user: UserInfo
    verb: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    warnings: list[str] = msgspec.field(default_factory=list)
    repeated: list[str] = msgspec.field(default_factory=list)
    tracks: bool = False

    @property
    def relative_key(self) -> str:
        """The object's key below its storage prefix: `<namespace>/<name>` or `<name>`."""
        return f"{self.namespace}/{self.name}" if self.resource.namespaced else self.name

    @property
    def key(self) -> str:
        """The object's key in the log."""
        return f"{self.resource.storage_prefix}/{self.relative_key}"


class Outcome(msgspec.Struct):
    """The answer to a call on one object; exactly one of `value` and `document` is set.

    `value` is a stamped value in the version that was asked for, without kind and apiVersion: the
    answer's body is `resource.head + value[1:]`. `document` is complete.
    """

    status: int
    value: bytes | None = None
    document: Document | None = None


class Listed(msgspec.Struct):
    """A list: values as in `Outcome`, in key order, as they were at `revision`.

    `continue_token` is empty on the last page; `remaining` is the count of what follows this page
    when it is known (only without selectors), else None.
    """

    resource: Resource
    revision: int
    values: Sequence[bytes]
    continue_token: str = ""
    remaining: int | None = None
