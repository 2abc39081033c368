"""What happened, as the clients saw it: one record for each call and each stretch of a watch, with times of one monotonic clock."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

NAMESPACE = "robust"
UNKNOWN = 0  # the status of a call that got no answer


class Object(msgspec.Struct, frozen=True):
    """An object as an answer shows it. digest: of everything but its resourceVersion."""

    key: str  # <resource>/<namespace>/<name>
    revision: int
    digest: str


class Write(msgspec.Struct, tag=True, kw_only=True):
    """One attempt to change an object.

    token: in `data.token` of what is written, so that the order shows whose it is; of a deletion, just its name. expected, uid: the
    preconditions that it named. revision, found: what a success said of the object.
    """

    token: str
    client: str
    server: int
    verb: str  # create, update, patch, delete
    key: str
    began: float
    ended: float = 0.0
    status: int = UNKNOWN
    expected: int = 0
    uid: str = ""
    data: dict[str, str] = {}
    revision: int = 0
    found: str = ""  # the uid
    message: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether it certainly happened."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether it certainly did not."""
        return 400 <= self.status < 500


class Get(msgspec.Struct, tag=True, kw_only=True):
    """One GET. at: the resourceVersion asked for; object: None for 404."""

    client: str
    server: int
    key: str
    at: str
    began: float
    ended: float
    object: Object | None


class List(msgspec.Struct, tag=True, kw_only=True):
    """One LIST, over as many pages as it had. match: resourceVersionMatch; revisions: the resourceVersion of each page."""

    client: str
    server: int
    scope: Scope
    at: str
    match: str
    began: float
    ended: float
    revisions: list[int]
    objects: list[Object]


class Refusal(msgspec.Struct, tag=True, kw_only=True):
    """A GET or LIST that was answered with neither what was asked for nor 404."""

    client: str
    server: int
    target: str
    began: float
    ended: float
    status: int
    message: str


class Scope(msgspec.Struct, frozen=True):
    """What a list or a watch is about: a resource in the namespace, and the value of the label `shade`, empty for all."""

    resource: str
    shade: str = ""

    @property
    def path(self) -> str:
        """The collection."""
        return f"/api/v1/namespaces/{NAMESPACE}/{self.resource}"

    @property
    def query(self) -> str:
        """The selector, to be appended to a query."""
        return f"&labelSelector=shade%3D{self.shade}" if self.shade else ""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """One frame of a watch. kind: ADDED, MODIFIED, DELETED, BOOKMARK, or INITIAL for the bookmark after the initial events."""

    kind: str
    key: str
    revision: int
    digest: str
    time: float


class Watch(msgspec.Struct, tag=True, kw_only=True):
    """One stretch of a watch on one server. after: the revision that it was resumed from, -1 when it began with the state; end: why."""

    client: str
    server: int
    scope: Scope
    after: int
    began: float
    ended: float = 0.0
    frames: list[Seen] = []
    end: str = ""


class Fault(msgspec.Struct, tag=True, kw_only=True):
    """What was broken, and until when."""

    what: str
    began: float
    ended: float


class Restore(msgspec.Struct, tag=True, kw_only=True):
    """A backup of etcd that was put back.

    revision: up to which both histories are the same; lost: the changes after it that were in the first one only. starts: when each server was started on
    the second; what it answered to requests from before is of the first.
    """

    revision: int
    began: float
    ended: float
    starts: list[float]
    lost: list[Change]


class Change(msgspec.Struct, tag=True, frozen=True):
    """One change in the reference order, from etcd itself. Of a deletion `uid`, `data`, `shade` and `digest` are those of what was deleted."""

    revision: int
    key: str
    deleted: bool
    uid: str
    data: dict[str, str]
    shade: str
    digest: str

    @property
    def resource(self) -> str:
        """The first part of the key."""
        return self.key.partition("/")[0]


Record = Write | Get | List | Refusal | Watch | Fault | Restore


class History(msgspec.Struct):
    """Everything about one run. own: complaints of the run itself, as of a server that ended without being killed."""

    records: list[Record] = []
    changes: list[Change] = []
    own: list[str] = []

    def of(self, kind: type[Any]) -> list[Any]:
        """The records of a kind."""
        return [each for each in self.records if isinstance(each, kind)]

    def save(self, path: Path) -> None:
        """Write it as lines of JSON."""
        lines = [msgspec.json.encode(each) for each in (*self.records, *self.changes)]
        path.write_bytes(b"\n".join(lines) + b"\n")


def load(path: Path) -> History:
    """Read what `save` wrote."""
    history = History()
    decoder = msgspec.json.Decoder(Record | Change)
    for line in path.read_bytes().splitlines():
        each = decoder.decode(line)
        if isinstance(each, Change):
            history.changes.append(each)
        else:
            history.records.append(each)
    return history


def digest_of(document: dict[str, Any]) -> str:
    """Of an object without what is no part of the stored value: its kind and its resourceVersion."""
    kept = {name: value for name, value in document.items() if name not in {"kind", "apiVersion"}}
    kept["metadata"] = {
        name: value for name, value in document["metadata"].items() if name != "resourceVersion"
    }
    return hashlib.blake2b(msgspec.json.encode(kept, order="sorted"), digest_size=8).hexdigest()


def object_of(resource: str, document: dict[str, Any]) -> Object:
    """An object of an answer."""
    metadata = document["metadata"]
    key = f"{resource}/{metadata['namespace']}/{metadata['name']}"
    return Object(key, int(metadata["resourceVersion"]), digest_of(document))
