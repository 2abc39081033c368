"""Makes watchcache/api/data/protobuf.json from published facts: `python scripts/build_protobuf.py FACTS`.

FACTS is a folder with protobuf.json: message -> field -> [number, type, label], read from the .proto files that Kubernetes
publishes. The data file keeps what documents of the served kinds reach, each message under the name of its OpenAPI definition, as one text
that `watchcache.api.protobuf.messages` reads. What Go and OpenAPI say of a field (its JSON name, whether it is a pointer, whether an
empty value is left out, whether it is embedded) is looked up here, once.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from watchcache.api.catalog import load_catalog  # noqa: E402
from watchcache.api.schema import Definitions, Schema  # noqa: E402
from watchcache.api.structure.go_types import go_field  # noqa: E402

DATA = ROOT / "watchcache" / "api" / "data"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
UNKNOWN = "io.k8s.apimachinery.pkg.runtime.Unknown"
ALWAYS = (
    UNKNOWN,
    META.replace("v1", "v1beta1") + "PartialObjectMetadataList",
    *(
        META + kind
        for kind in (
            "DeleteOptions",
            "Status",
            "WatchEvent",
            "PartialObjectMetadata",
            "PartialObjectMetadataList",
        )
    ),
)
UNSERVED = {"v1/RangeAllocation": "io.k8s.api.core.v1.RangeAllocation"}
"""Kinds that only etcd sees: which node ports are taken."""
VALUES = frozenset({(META + "ObjectMeta", "creationTimestamp")})
"""Structs with omitzero: values in Go, though JSON leaves them out."""
EITHER = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOr"
"""Types that hold a schema or something else: the schema is a pointer."""
RENAMED = {"ref": "$ref", "schema": "$schema"}
SCALARS = frozenset({"string", "bool", "int32", "int64", "double", "bytes"})
RAW_JSON = frozenset(
    {
        "io.k8s.apimachinery.pkg.runtime.RawExtension",
        META + "FieldsV1",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
    }
)

Message = dict[str, tuple[int, str, str]]


def main(arguments: list[str]) -> int:
    """Writes the data file; the argument is the facts' folder."""
    published = json.loads((Path(arguments[0]) / "protobuf.json").read_text())
    messages: dict[str, Message] = {definition_name(name): fields for name, fields in published.items()}
    kinds = json.loads((DATA / "resources.json").read_text())["kinds"] | UNSERVED
    builder = Builder(messages, load_catalog().definitions)
    for name in (*kinds.values(), *ALWAYS):
        builder.add(name, name)
    document = {"kinds": kinds, "messages": dict(sorted(builder.made.items()))}
    text = json.dumps(document, separators=(",", ":")).replace('","', '",\n"')
    (DATA / "protobuf.json").write_text(text + "\n")
    return 0


def definition_name(message: str) -> str:
    """`io.k8s.api.core.v1.Pod` for the message `k8s.io.api.core.v1.Pod`."""
    return message.replace("k8s.io.", "io.k8s.", 1).replace("_", "-")


class Builder:
    """Messages by name, made one after the other as they are reached."""

    def __init__(self, messages: dict[str, Message], definitions: Definitions) -> None:
        self.made: dict[str, str] = {}
        self._messages = messages
        self._definitions = definitions

    def add(self, name: str, definition: str) -> None:
        """Makes a message and all that it reaches. `definition` is the one that has its fields: its own, or that of the struct it is embedded in."""
        if name in self.made:
            return
        self.made[name] = ""
        schema = self._definitions.find(definition) if definition in self._definitions else None
        fields = sorted(self._messages[name].items(), key=lambda item: item[1][0])
        self.made[name] = ",".join(self._field(name, definition, schema, proto, row) for proto, row in fields)

    def _field(self, message: str, definition: str, schema: Schema | None, proto: str, row: Any) -> str:
        number, type_text, label = row
        shape, type_name = self._type(message, type_text, label)
        properties = schema.properties if schema is not None else {}
        json_name = json_name_of(proto, properties) if properties else proto
        embedded = bool(properties) and json_name not in properties
        if type_name not in SCALARS:
            own = type_name in self._definitions
            self.add(type_name, type_name if own or not embedded else definition)
        if message in RAW_JSON:
            type_name = "json"
        elif message == UNKNOWN and type_name == "bytes":
            type_name = "raw"
        mode = "i" if embedded else "v"
        if not embedded and properties:
            mode = go_field(definition, json_name, properties[json_name]).mode
        if (definition, json_name) in VALUES:
            mode = "o"
        if message.startswith(EITHER) and json_name == "schema":
            mode = "p"
        return f"{number} {json_name} {shape}{abbreviated(type_name, message)} {mode}"

    def _type(self, message: str, text: str, label: str) -> tuple[str, str]:
        found = re.fullmatch(r"map<string,(.*)>", text)
        shape, text = ("{}", found[1]) if found else ("[]" if label == "repeated" else "", text)
        if text in SCALARS:
            return shape, text
        package = message.rpartition(".")[0]
        return shape, definition_name(text[1:]) if text.startswith(".") else f"{package}.{text}"


def json_name_of(proto: str, properties: dict[str, Schema]) -> str:
    """The JSON name of a field, which differs in case or in punctuation for some; the field's own for embedded structs."""
    if proto in properties:
        return proto
    kebab = re.sub(r"[A-Z]", lambda capital: "-" + capital[0].lower(), proto)
    folded = {name.lower(): name for name in properties}
    for candidate in (RENAMED.get(proto, ""), kebab, folded.get(proto.lower(), "")):
        if candidate in properties:
            return candidate
    return proto


def abbreviated(type_name: str, message: str) -> str:
    """A message's name, without the package when it is that of the message it is used in."""
    package = message.rpartition(".")[0] + "."
    local = type_name.removeprefix(package)
    return type_name if "." in local or local in SCALARS else local


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
