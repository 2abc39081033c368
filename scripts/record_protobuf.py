"""Records answers of a running kube-apiserver as protobuf and as JSON, for tests/api/protobuf/answers.jsonl.

    record_protobuf.py https://127.0.0.1:16443 TOKEN NAMESPACE > tests/api/protobuf/answers.jsonl

From each listable resource: the objects in NAMESPACE (which was filled by hand: one of each kind, pods with all there is), or the first
one without a namespace; then a list, documents of discovery, errors. A line has `path`, `json` and `protobuf` (base64).
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

PROTOBUF = "application/vnd.kubernetes.protobuf"
Get = Callable[[str, str], bytes]

OTHERS = (
    "/api",
    "/apis",
    "/api/v1",
    "/apis/apps/v1",
    "/apis/batch",
    "/api/v1/namespaces/{0}/configmaps",
    "/api/v1/namespaces/{0}/configmaps?limit=1",
    "/api/v1/namespaces/{0}/pods?labelSelector=no%3Dsuch",
    "/api/v1/namespaces/{0}/configmaps/no-such",
    "/api/v1/namespaces/{0}/configmaps?fieldSelector=a%3Db",
    "/api/v1/namespaces/{0}/configmaps?resourceVersion=99999999999",
    "/apis/apps/v1/namespaces/{0}/deployments/d/scale",
)


def main(url: str, token: str, namespace: str) -> None:
    """Writes the lines."""
    context = ssl._create_unverified_context()  # a local test server with a certificate of its own

    def get(path: str, accept: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        request = urllib.request.Request(url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as response:
                content: bytes = response.read()
        except urllib.error.HTTPError as error:
            content = error.read()
        return content

    for path in (*objects(get, namespace), *(other.format(namespace) for other in OTHERS)):
        document, encoded = both(get, path)
        row = {"path": path, "json": document, "protobuf": base64.b64encode(encoded).decode()}
        sys.stdout.write(json.dumps(row, separators=(",", ":")) + "\n")


def both(get: Get, path: str) -> tuple[Any, bytes]:
    """The same answer in both encodings: asked for until nothing changed in between."""
    while True:
        before = get(path, "application/json")
        encoded = get(path, PROTOBUF)
        if get(path, "application/json") == before:
            return json.loads(before), encoded


def objects(get: Get, namespace: str) -> Iterator[str]:
    """Paths of objects of every kind."""
    for root in roots(get):
        for resource in load(get, root)["resources"]:
            if "list" not in resource["verbs"] or resource["name"] == "componentstatuses":
                continue
            folder = f"{root}/namespaces/{namespace}" if resource["namespaced"] else root
            found = load(get, f"{folder}/{resource['name']}")["items"]
            names = [item["metadata"]["name"] for item in found]
            for name in names if resource["namespaced"] else names[:1]:
                yield f"{folder}/{resource['name']}/{name}"


def roots(get: Get) -> list[str]:
    """Paths of the versions of built-in groups."""
    groups = load(get, "/apis")["groups"]
    versions = [version["groupVersion"] for group in groups for version in group["versions"]]
    return ["/api/v1", *(f"/apis/{version}" for version in versions if "example.com" not in version)]


def load(get: Get, path: str) -> dict[str, Any]:
    """The JSON document at a path."""
    document: dict[str, Any] = json.loads(get(path, "application/json"))
    return document


if __name__ == "__main__":
    main(*sys.argv[1:4])
