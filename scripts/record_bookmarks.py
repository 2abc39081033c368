"""Records what typed kinds carry in a bookmark beside their metadata, from a running kube-apiserver.

    record_bookmarks.py https://127.0.0.1:16443 TOKEN > watchcache/http/data/bookmarks.json

Go writes the zero values of required fields (`"spec":{"containers":null}`), so a bookmark of a Pod is not only its metadata. Each
watchable resource is watched with a selector that nothing matches, and the members of its bookmark are kept by apiVersion and kind.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from typing import Any

QUERY = (
    "watch=1&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true"
    "&resourceVersionMatch=NotOlderThan&labelSelector=none%3Dsuch"
)


def main(url: str, token: str) -> None:
    """Ask the server for a bookmark of every kind and write down what is in it."""
    context = ssl._create_unverified_context()  # a local test server with a certificate of its own

    def get(path: str) -> bytes:
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=context, timeout=20) as response:
            content: bytes = response.read()
        return content

    roots = ["/api/v1"] + [
        f"/apis/{version['groupVersion']}"
        for group in json.loads(get("/apis"))["groups"]
        for version in group["versions"]
    ]
    recorded: dict[str, dict[str, Any]] = {}
    for root in roots:
        for resource in json.loads(get(root))["resources"]:
            if "watch" not in resource["verbs"]:
                continue
            for line in get(f"{root}/{resource['name']}?{QUERY}").splitlines():
                event = json.loads(line)
                members = event["object"]
                if event["type"] != "BOOKMARK":
                    continue
                name = f"{members.pop('apiVersion')}/{members.pop('kind')}"
                members.pop("metadata")
                if members:
                    recorded[name] = members
    json.dump(recorded, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
