"""Which messages there are: their fields as `data/protobuf.json` has them, read when a message is first met.

The file has one text for each message, made by scripts/build_protobuf.py from the published .proto files, OpenAPI and Go types. A field
is `number name type mode`, the type with `[]` before it for a list and `{}` for a map from text; the mode is that of
`watchcache.api.structure.go_types` (`v` and `o` are values in Go, which are always written; `p` and `n` pointers), or `i` for a
struct embedded in its parent's JSON.
"""

from __future__ import annotations

from functools import cache
from importlib import resources as package_files
from typing import Final, NamedTuple

import msgspec

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
TYPE_META: Final = "io.k8s.apimachinery.pkg.runtime.TypeMeta"
UNKNOWN: Final = "io.k8s.apimachinery.pkg.runtime.Unknown"

SCALARS: Final = frozenset({"string", "bool", "int32", "int64", "double", "bytes", "json", "raw"})
"""Types that are no messages: `json` are bytes that hold JSON, `raw` are bytes that stay bytes."""

_IN_EVERY_GROUP: Final = frozenset(
    {
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
        "APIVersions",
        "DeleteOptions",
        "PartialObjectMetadata",
        "PartialObjectMetadataList",
        "Status",
    }
)
"""Kinds of meta.k8s.io whose documents say other groups, or none."""
_LISTS_BEFORE_V1: Final = "meta.k8s.io/v1beta1/PartialObjectMetadataList"


class Field(NamedTuple):
    """A field of a message; `name` is its name in JSON."""

    number: int
    name: str
    type: str
    """One of `SCALARS`, or the name of a message."""
    shape: str
    """`[]` for a list, `{}` for a map from text, else empty."""
    mode: str

    @property
    def embedded(self) -> bool:
        """Whether its fields stand in the JSON of its parent."""
        return self.mode == "i"

    @property
    def written_always(self) -> bool:
        """Whether Go has a value there, not a pointer: it is encoded even when it is zero."""
        return self.mode in ("v", "o", "i")

    @property
    def keeps_zero(self) -> bool:
        """Whether JSON shows a zero value."""
        return self.mode != "o"


class _Published(msgspec.Struct, frozen=True):
    kinds: dict[str, str]
    messages: dict[str, str]


@cache
def _published() -> _Published:
    data = package_files.files("watchcache.api").joinpath("data/protobuf.json").read_bytes()
    return msgspec.json.decode(data, type=_Published)


def message_of(api_version: str, kind: str) -> str | None:
    """The message of a built-in kind; None when there is none."""
    stated = f"{api_version}/{kind}"
    if stated == _LISTS_BEFORE_V1:
        return META.replace("v1", "v1beta1") + kind
    found = _published().kinds.get(stated)
    return META + kind if found is None and kind in _IN_EVERY_GROUP else found


def fields_of(message: str) -> tuple[Field, ...]:
    """The fields of a message by their numbers."""
    package = message.rpartition(".")[0] + "."
    text = _published().messages[message]
    return tuple(_field(part, package) for part in text.split(",") if part)


def _field(text: str, package: str) -> Field:
    number, name, type_name, mode = text.split(" ")
    shape = type_name[:2] if type_name[0] in "[{" else ""
    type_name = type_name[len(shape) :]
    if "." not in type_name and type_name not in SCALARS:
        type_name = package + type_name
    return Field(int(number), name, type_name, shape, mode)
