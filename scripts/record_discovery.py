"""Record the SHA-256 of each discovery document of a running kube-apiserver without custom resources.

Usage:

    python scripts/record_discovery.py https://127.0.0.1:6443 TOKEN tests/http/discovery_hashes.json

Our documents are compared with these byte for byte, which needs no copy of them. Keys are paths, with ` aggregated` behind
them for the aggregated form. `/api` names the server's own address; it is recorded as the file says it, so that
a test can put it in.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def fetch(server: str, token: str, path: str, accept: str = "application/json") -> bytes:
    """The bytes of a document; certificates are not checked, the server is a local reference."""
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    request = urllib.request.Request(server + path, headers=headers)
    with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as response:
        return bytes(response.read())


def documents(server: str, token: str) -> Iterator[tuple[str, bytes]]:
    """(key, bytes) of each document."""
    for path in ("/api", "/apis"):
        yield path, fetch(server, token, path)
        yield f"{path} aggregated", fetch(server, token, path, AGGREGATED)
    yield "/api/v1", fetch(server, token, "/api/v1")
    for group in json.loads(fetch(server, token, "/apis"))["groups"]:
        yield f"/apis/{group['name']}", fetch(server, token, f"/apis/{group['name']}")
        for version in group["versions"]:
            path = f"/apis/{version['groupVersion']}"
            yield path, fetch(server, token, path)


def main() -> None:
    """Write the data file named by the third argument."""
    server, token, target = sys.argv[1:]
    recorded = dict(documents(server, token))
    hashes = {key: hashlib.sha256(body).hexdigest() for key, body in sorted(recorded.items())}
    address = json.loads(recorded["/api"])["serverAddressByClientCIDRs"][0]["serverAddress"]
    text = json.dumps({"address": address, "hashes": hashes}, indent=0)
    Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
