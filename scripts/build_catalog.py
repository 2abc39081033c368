"""Writes watchcache/api/data/ from a folder of published facts about Kubernetes.

    python scripts/build_catalog.py FACTS_FOLDER

The folder holds `resources.json` (resources of discovery with subresources), `schemas.json` (OpenAPI v3
definitions without descriptions) and `columns.json` (printer columns by group, version and plural), as published by a kube-apiserver.
Output is compact and sorted, so that a new Kubernetes version is a readable change in row counts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "watchcache" / "api" / "data"


def main(arguments: list[str]) -> int:
    """Entry point; the facts' folder is the only argument."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    facts, schemas, columns = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("resources", "schemas", "columns")
    )
    kinds = kind_names(schemas)
    rows = [resource_row(fact, kinds, columns) for fact in facts["resources"]]
    groups = [{"name": group["group"], "versions": group["versions"]} for group in facts["groups"]]
    DATA.mkdir(exist_ok=True)
    write("resources", {"groups": groups, "kinds": kinds, "resources": rows})
    write("schemas", dict(sorted(schemas.items())))
    return 0


def kind_names(schemas: dict[str, Any]) -> dict[str, str]:
    """Definition of each `<apiVersion>/<kind>`; kinds that every group has (DeleteOptions, WatchEvent) are left out."""
    found: dict[str, str] = {}
    for name, schema in sorted(schemas.items()):
        kinds = schema.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:
            found[f"{api_version(kinds[0])}/{kinds[0]['kind']}"] = name
    return found


def resource_row(fact: dict[str, Any], kinds: dict[str, str], columns: dict[str, Any]) -> dict[str, Any]:
    """One resource as `catalog._Row` reads it; what is empty is left out."""
    row = {
        "group": fact["group"],
        "version": fact["version"],
        "kind": fact["kind"],
        "plural": fact["plural"],
        "singular": fact["singular"],
        "namespaced": fact["namespaced"],
        "verbs": fact["verbs"],
        "schema": kinds[f"{api_version(fact)}/{fact['kind']}"],
        "short_names": fact["shortNames"],
        "categories": fact["categories"],
        "subresources": [compact(subresource) for subresource in fact["subresources"]],
        "columns": columns.get(f"{fact['group']}/{fact['version']}/{fact['plural']}", []),
        "storage_version_hash": fact["storageVersionHash"],
    }
    return {key: value for key, value in row.items() if value not in ([], "") or key == "group"}


def compact(document: dict[str, Any]) -> dict[str, Any]:
    """A document without its empty texts."""
    return {key: value for key, value in document.items() if value != ""}


def api_version(fact: dict[str, str]) -> str:
    """`apps/v1`, or `v1` of the core group."""
    return f"{fact['group']}/{fact['version']}" if fact["group"] else fact["version"]


def write(name: str, document: Any) -> None:
    """Writes a data file on one line."""
    (DATA / f"{name}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
