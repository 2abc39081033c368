"""Records the roles and bindings that a kube-apiserver makes at its start, when RBAC is among its modes.

    record_policy.py https://127.0.0.1:16443 TOKEN > watchcache/auth/rbac/data/policy.json

The server must be a fresh one with `--authorization-mode=Node,RBAC`. One object a line. Every such object has the label and the annotation that
`watchcache.registry.standing` puts on; they are left out.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from typing import Any

KINDS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
LABEL = "kubernetes.io/bootstrapping", "rbac-defaults"
ANNOTATION = "rbac.authorization.kubernetes.io/autoupdate", "true"


def main(url: str, token: str) -> None:
    """Ask for each kind, and write down what the server made."""
    context = ssl._create_unverified_context()  # a local test server with a certificate of its own

    def get(path: str) -> Any:
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, context=context, timeout=20) as response:
            return json.load(response)

    rows = [
        json.dumps(row(kind, item), separators=(",", ":"))
        for kind in KINDS
        for item in get(f"/apis/rbac.authorization.k8s.io/v1/{kind.lower()}s")["items"]
        if item["metadata"].get("labels", {}).get(LABEL[0]) == LABEL[1]
    ]
    version = get("/version")["gitVersion"]
    print(f'{{"recorded":"kube-apiserver {version}","objects":[\n' + ",\n".join(rows) + "\n]}")


def row(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """An object without what is the server's or every object's."""
    metadata = item["metadata"]
    labels, annotations = dict(metadata["labels"]), dict(metadata["annotations"])
    assert labels.pop(LABEL[0]) == LABEL[1]
    assert annotations.pop(ANNOTATION[0]) == ANNOTATION[1]
    assert not annotations, annotations
    kept = {"name": metadata["name"]}
    if "namespace" in metadata:
        kept["namespace"] = metadata["namespace"]
    if labels:
        kept["labels"] = labels
    content = {name: item[name] for name in item if name not in {"kind", "apiVersion", "metadata"}}
    if content.get("rules") is None:
        content.pop("rules", None)
    return {"kind": kind, "metadata": kept, **content}


if __name__ == "__main__":
    main(*sys.argv[1:])
