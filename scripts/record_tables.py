"""Record the table rows that a running kube-apiserver prints for a set of objects.

Usage:

    python scripts/record_tables.py https://127.0.0.1:6443 TOKEN tests/api/printers/objects.yaml tests/api/printers/rows.json

Creates the objects in namespace `tables` (and cluster-scoped ones named `tables-...`), writes their status, reads each as itself and as a
Table within one second of the clock, and deletes what it made. Each record: path, now (unix seconds), object, cells, conditions.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


class Server:
    """The reference server; certificates are not checked."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.context = ssl._create_unverified_context()

    def call(self, method: str, path: str, body: Any = None, accept: str = "application/json") -> Any:
        """The answer's document; an error is reported and gives None."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": accept,
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            print(method, path, json.load(error).get("message"))
            return None


def placed(value: Any, now: float) -> Any:
    """`value` with each "@-3h5m" replaced by the time so long before `now`."""
    if isinstance(value, dict):
        return {key: placed(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [placed(item, now) for item in value]
    if isinstance(value, str) and value.startswith("@-"):
        ago = sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([dhms])", value))
        moment = dt.datetime.fromtimestamp(int(now) - ago, dt.UTC)
        return (
            moment.strftime("%Y-%m-%dT%H:%M:%S") + (value[value.index(".") :] if "." in value else "") + "Z"
        )
    return value


def signing_request() -> str:
    """A certificate signing request, base64 of its PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tables")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def make(
    server: Server, entry: dict[str, Any], body: dict[str, Any], kind: dict[str, str], now: float
) -> None:
    """Create one object and bring it into the state to record."""
    path = f"{entry['path']}/{body['name']}"
    fields = ("name", "labels", "annotations", "finalizers", "ownerReferences")
    metadata = {key: body[key] for key in fields if key in body}
    document = {**kind, "metadata": metadata, **body.get("top", {}), **placed(body.get("times", {}), now)}
    if "spec" in body or kind["kind"] in {"Pod", "CSIDriver", "ResourceClaim", "Lease", "Node"}:
        document["spec"] = dict(
            body.get("spec", {}), **({"devices": {}} if kind["kind"] == "ResourceClaim" else {})
        )
    if entry.get("csr"):
        document["spec"]["request"] = signing_request()
    server.call("POST", entry["path"], placed(document, now))
    for key, subresource in (("status", "status"), ("approval", "approval")):
        if key in body and (current := server.call("GET", path)):
            current["status"] = {"conditions": body[key]} if key == "approval" else placed(body[key], now)
            server.call("PUT", f"{path}/{subresource}", current)
    if body.get("delete"):
        server.call("DELETE", path)


def kinds(server: Server, path: str) -> dict[str, str]:
    """Kind and apiVersion of the collection at `path`."""
    root, _, plural = re.sub(r"/namespaces/[^/]+(?=/)", "", path).rpartition("/")
    resources = server.call("GET", root)["resources"]
    version = root.removeprefix("/apis/").removeprefix("/api/")
    return {"kind": next(r["kind"] for r in resources if r["name"] == plural), "apiVersion": version}


def read(server: Server, path: str) -> dict[str, Any] | None:
    """The record of one object, read again until both answers come within one second of the clock."""
    while True:
        start = int(time.time())
        document, table = (
            server.call("GET", path),
            server.call("GET", f"{path}?includeObject=None", accept=TABLE),
        )
        if document is None or table is None:
            return None
        if int(time.time()) == start:
            break
    document["metadata"].pop("managedFields", None)
    row = table["rows"][0]
    record = {"path": path, "now": start, "object": document, "cells": row["cells"]}
    return record | ({"conditions": row["conditions"]} if "conditions" in row else {})


def clean(server: Server, made: list[str]) -> None:
    """Delete what was made, finalizers or not; no controller empties the namespaces, so they are finalized here."""
    for path in [*made, "/api/v1/namespaces/tables"]:
        current = server.call("GET", path)
        if current and current["metadata"].pop("finalizers", None):
            server.call("PUT", path, current)
        if current:
            grace = "&gracePeriodSeconds=0" if "/pods/" in path else ""
            server.call("DELETE", f"{path}?propagationPolicy=Background{grace}")
        if current and path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
            current = server.call("GET", path)
            server.call("PUT", f"{path}/finalize", {**current, "spec": {}})


def paths(entries: list[dict[str, Any]]) -> Iterator[str]:
    """The paths to record."""
    for entry in entries:
        names = entry["names"] if entry.get("read_only") else [body["name"] for body in entry["bodies"]]
        yield from (f"{entry['path']}/{name}" for name in names)


def main() -> None:
    """Make, read, delete, write."""
    url, token, objects, target = sys.argv[1:]
    server = Server(url, token)
    entries = yaml.safe_load(Path(objects).read_text(encoding="utf-8"))
    server.call("POST", "/api/v1/namespaces", {"metadata": {"name": "tables"}})
    now = time.time()
    made = []
    for entry in entries:
        kind = {} if entry.get("read_only") else kinds(server, entry["path"])
        for body in entry.get("bodies", ()):
            make(server, entry, body, kind, now)
            made.append(f"{entry['path']}/{body['name']}")
    records = [record for path in paths(entries) if (record := read(server, path))]
    clean(server, made)
    lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
    Path(target).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(len(records), "rows")


if __name__ == "__main__":
    main()
