"""Record the table columns of every listable kind from a running kube-apiserver.

The columns and their descriptions are facts that only a server publishes. Usage:

    python scripts/build_columns.py https://127.0.0.1:6443 TOKEN watchcache/api/data/columns.json

The file holds `descriptions` (each text once) and `columns`: "group/version/plural" to rows of
[name, type, format, priority, index of the description].
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def fetch(server: str, token: str, path: str, accept: str = "application/json") -> Any:
    """The JSON document at `path`; certificates are not checked, the server is a local reference."""
    context = ssl._create_unverified_context()
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    request = urllib.request.Request(server + path, headers=headers)
    with urllib.request.urlopen(request, context=context) as response:
        return json.load(response)


def listable(server: str, token: str) -> list[tuple[str, str]]:
    """(key, path) of each resource that can be listed, built-in groups only."""
    roots = {"/v1": "/api/v1"}
    for group in fetch(server, token, "/apis")["groups"]:
        for version in group["versions"]:
            roots[version["groupVersion"]] = f"/apis/{version['groupVersion']}"
    return [
        (f"{key}/{resource['name']}", f"{root}/{resource['name']}")
        for key, root in roots.items()
        for resource in fetch(server, token, root)["resources"]
        if "list" in resource["verbs"] and "/" not in resource["name"]
    ]


def record(server: str, token: str) -> dict[str, Any]:
    """The content of the data file."""
    descriptions: dict[str, int] = {}
    columns: dict[str, list[list[Any]]] = {}
    for key, path in listable(server, token):
        definitions = fetch(server, token, f"{path}?limit=1", TABLE)["columnDefinitions"]
        columns[key] = [
            [
                column["name"],
                column["type"],
                column["format"],
                column["priority"],
                descriptions.setdefault(column["description"], len(descriptions)),
            ]
            for column in definitions
        ]
    return {"columns": dict(sorted(columns.items())), "descriptions": list(descriptions)}


def main() -> None:
    """Write the data file named by the third argument."""
    server, token, target = sys.argv[1:]
    text = json.dumps(record(server, token), separators=(",", ":"))
    Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
