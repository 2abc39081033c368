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


DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
DEPLOYMENT = {
    "metadata": {"name": "build-columns"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "a", "image": "b"}]},
        },
    },
}


def fetch(server: str, token: str, path: str, accept: str = "application/json", **more: Any) -> Any:
    """The JSON document at `path`; certificates are not checked, the server is a local reference."""
    context = ssl._create_unverified_context()
    headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": "application/json"}
    request = urllib.request.Request(server + path, headers=headers, **more)
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


def scale(server: str, token: str) -> Any:
    """The column definitions of a Scale, read of a deployment made for it."""
    body = json.dumps(DEPLOYMENT).encode()
    fetch(server, token, DEPLOYMENTS, data=body, method="POST")
    path = f"{DEPLOYMENTS}/build-columns"
    definitions = fetch(server, token, f"{path}/scale", TABLE)["columnDefinitions"]
    fetch(server, token, path, method="DELETE")
    return definitions


def record(server: str, token: str) -> dict[str, Any]:
    """The content of the data file."""
    tables = {
        key: fetch(server, token, f"{path}?limit=1", TABLE)["columnDefinitions"]
        for key, path in listable(server, token)
    }
    tables["autoscaling/v1/scale"] = scale(server, token)
    descriptions: dict[str, int] = {}
    columns = {
        key: [
            [
                *(column[field] for field in ("name", "type", "format", "priority")),
                descriptions.setdefault(column["description"], len(descriptions)),
            ]
            for column in definitions
        ]
        for key, definitions in sorted(tables.items())
    }
    return {"columns": columns, "descriptions": list(descriptions)}


def main() -> None:
    """Write the data file named by the third argument."""
    server, token, target = sys.argv[1:]
    text = json.dumps(record(server, token), separators=(",", ":"))
    Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
