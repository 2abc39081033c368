"""Makes watchcache/api/structure/go_types.json: the facts of Go's types that do not follow from the schemas.

Usage: (cd scripts/go_types && go run . > FACTS) && python scripts/build_go_types.py FACTS

`go run` needs a go.mod that requires k8s.io/client-go, k8s.io/apiextensions-apiserver and k8s.io/kube-aggregator of the Kubernetes
version that the catalog describes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from watchcache.api.schema import Definitions
from watchcache.api.structure.go_types import derived_mode, derived_type

API = Path(__file__).parent.parent / "watchcache" / "api"


def mode(field: dict[str, Any]) -> str:
    """The field's mode as `go_types.py` defines it."""
    if field["Kind"] == "struct" and not field["Pointer"]:
        return "p" if field["Omitzero"] else "v"
    if field["Pointer"] or field["Kind"] in ("slice", "map"):
        kept = "p" if field["Pointer"] else "o"
        return kept if field["Omitempty"] else "n"
    return "o" if field["Omitempty"] else "v"


def exception(field: dict[str, Any], schema: Any) -> str:
    """What must be stated of a field: nothing when all follows from its schema."""
    code = mode(field)
    text = "" if code == derived_mode(schema) else code
    if field["Embedded"] not in ("", "TypeMeta."):  # kind and apiVersion are read before the type is known
        text += "@" + field["Embedded"]
    if field["Type"] != derived_type(schema):
        text += "=" + field["Type"]
    return text


def definition_name(go_name: str) -> str:
    """`k8s.io/api/core/v1.Pod` is `io.k8s.api.core.v1.Pod` in OpenAPI."""
    return "io.k8s." + go_name.removeprefix("k8s.io/").replace("/", ".")


def main(facts: Path) -> None:
    """Writes the table for the definitions that the catalog has."""
    definitions = Definitions.from_json((API / "data" / "schemas.json").read_bytes())
    table: dict[str, dict[str, str]] = {}
    for line in facts.read_text().splitlines():
        row = json.loads(line)
        name = definition_name(row["name"])
        if name not in definitions:
            continue
        properties = definitions.find(name).properties
        texts = {
            field: exception(fact, properties[field])
            for field, fact in row["fields"].items()
            if field in properties
        }
        table[name] = {field: text for field, text in sorted(texts.items()) if text}
    rows = [f"{json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table) if table[name]]
    (API / "structure" / "go_types.json").write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
