"""Asks a real kube-apiserver for the answers that the tests of watchcache/api compare with, and writes them beside this file.

    python tests/api/measured/record.py https://127.0.0.1:6443 TOKEN [TABLE...]

It makes the namespace `measured` there; nearly everything else is a dry run.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from questions import (
    BODIES,
    DELETES,
    FIELDS,
    IMAGES,
    LABELS,
    LISTS,
    METADATA,
    NAMES,
    PATCHES,
    UPDATES,
    WATCHES,
    WRITES,
)
from security import PODS, REQUESTS, STANDARDS, namespace_of, pod_of

from watchcache.api.patch.json_patch import json_patch, parse_operations
from watchcache.api.patch.merge_patch import merge_patch

HERE = Path(__file__).parent
MAPS = "/api/v1/namespaces/measured/configmaps"
MERGE = "application/merge-patch+json"


class Server:
    """A kube-apiserver, spoken to without a client library."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}", "User-Agent": "measured"}
        self.context = ssl._create_unverified_context()
        self.warnings: list[str] = []
        """Those of the last answer."""

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The answer's document; the text for what is none."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": content_type}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                text, told = answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            text, told = error.read(), error.headers
        self.warnings = [said.partition(" - ")[2] for said in told.get_all("Warning") or ()]
        first = text.split(b"\n", 1)[0] if method == "GET" else text
        try:
            return json.loads(first)
        except ValueError:
            return text.decode(errors="replace")

    def refusal(self, *question: Any) -> Any:
        """What of the answer is compared: code, reason, message and causes; None for a success."""
        answer = self.ask(*question)
        if not isinstance(answer, dict) or answer.get("status") != "Failure":
            return None
        causes = answer.get("details", {}).get("causes", [])
        told = [answer["code"], answer.get("reason", ""), answer["message"]]
        return [*told, [[c["reason"], c["message"], c.get("field", "")] for c in causes]]


def main(url: str, token: str, *tables: str) -> None:
    """Asks everything, or what the tables that are named have."""
    server = Server(url, token)
    server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "measured"}})
    for name in tables or TABLES:
        ask = TABLES[name]
        rows = ask(server)
        text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
        (HERE / f"{name}.json").write_text(text)


def query(**parameters: str) -> str:
    """A query with its question mark."""
    return "?" + urllib.parse.urlencode(parameters)


def selectors(server: Server) -> list[Any]:
    """[parameter, selector, refusal]."""
    questions = [("labelSelector", text) for text in LABELS] + [("fieldSelector", text) for text in FIELDS]
    return [[name, text, server.refusal("GET", MAPS + query(**{name: text}))] for name, text in questions]


def lists(server: Server) -> list[Any]:
    """[query, refusal], of lists and watches."""
    watches = [f"watch=1&timeoutSeconds=1&{text}" for text in WATCHES]
    return [[text, server.refusal("GET", f"{MAPS}?{text}")] for text in [*LISTS, *watches]]


def writes(server: Server) -> list[Any]:
    """[method, query, content type, body, refusal]."""
    server.ask("POST", MAPS, {"metadata": {"name": "held", "finalizers": ["a/b"]}})
    rows: list[list[Any]] = [
        ["POST", text, "application/json", {"metadata": {"name": "new"}}] for text in WRITES
    ]
    rows += [["PUT", text, "application/json", {"metadata": {"name": "held"}}] for text in WRITES]
    rows += [["PATCH", text, kind, {}] for kind, text in PATCHES]
    rows += [["DELETE", text, "application/json", body] for text, body in DELETES]
    for row in rows:
        method, text, kind, body = row
        path = MAPS if method == "POST" else f"{MAPS}/held"
        row.append(server.refusal(method, f"{path}?{text}", body, kind))
    return rows


def bodies(server: Server) -> list[Any]:
    """[media type, body in base64, refusal]."""
    rows: list[Any] = []
    for kind, body in BODIES:
        refusal = server.refusal("POST", MAPS + query(dryRun="All"), body, kind)
        rows.append([kind, base64.b64encode(body).decode(), refusal])
    return rows


def creates(server: Server) -> list[Any]:
    """[metadata, refusal]."""
    path = MAPS + query(dryRun="All")
    return [[metadata, server.refusal("POST", path, {"metadata": metadata})] for metadata in METADATA]


def updates(server: Server) -> list[Any]:
    """[stored metadata, metadata of a merge patch, refusal]; the second object is being deleted."""
    rows = []
    for name, changes in UPDATES.items():
        finalizers = {"finalizers": ["a/b"]} if name == "dying" else {}
        server.ask("POST", MAPS, {"metadata": {"name": name, "labels": {"a": "b"}, **finalizers}})
        if name == "dying":
            server.ask("DELETE", f"{MAPS}/{name}")
        stored = server.ask("GET", f"{MAPS}/{name}")["metadata"]
        del stored["managedFields"]
        for change in changes:
            path = f"{MAPS}/{name}{query(dryRun='All')}"
            rows.append([stored, change, server.refusal("PATCH", path, {"metadata": change}, MERGE)])
        server.ask("PATCH", f"{MAPS}/{name}", {"metadata": {"finalizers": None}}, MERGE)
        server.ask("DELETE", f"{MAPS}/{name}")
    return rows


def content(server: Server) -> list[Any]:
    """[group/version/plural, object, patch or None, causes]: asks anew what `content.json` has; a patch is of what the object became."""
    prefixes = {f"{prefix}/{plural}": (prefix, plural) for prefix, _, plural in kinds(server)}
    # The other version of a kind that is served in two.
    v1 = "/apis/autoscaling/v1/namespaces/measured"
    prefixes[f"{v1}/horizontalpodautoscalers"] = (v1, "horizontalpodautoscalers")
    paths = {path.replace("/namespaces/measured", ""): path for path in prefixes}
    rows = json.loads((HERE / "content.json").read_text())
    for number, row in enumerate(rows):
        api, document, patch, _ = row
        path = paths[f"/{'api' if api.startswith('v1/') else 'apis'}/{api}"]
        name = f"content-{number}"
        made = {**document, "metadata": {**document.get("metadata", {}), "name": name}}
        if patch is None:
            row[3] = (server.refusal("POST", path + query(dryRun="All"), made) or [0, "", "", []])[3]
            continue
        server.ask("POST", path, made)
        kind = "application/json-patch+json" if isinstance(patch, list) else MERGE
        row[3] = (
            server.refusal("PATCH", f"{path}/{name}{query(dryRun='All')}", patch, kind) or [0, "", "", []]
        )[3]
        server.ask("DELETE", f"{path}/{name}")
    return list(rows)


def pods(server: Server) -> list[Any]:
    """[members of the spec, members of its container, subresource, merge patch or None, causes]: asks anew what `pods.json` has."""
    path = "/api/v1/namespaces/measured/pods"
    rows = json.loads((HERE / "pods.json").read_text())
    for number, row in enumerate(rows):
        spec, container, subresource, patch, _ = row
        name = f"pod-{number}"
        made = pod(name, spec, container)
        if patch is None:
            row[4] = (server.refusal("POST", path + query(dryRun="All"), made) or [0, "", "", []])[3]
            continue
        server.ask("POST", path, made)
        where = f"{path}/{name}/{subresource}".rstrip("/")
        row[4] = (server.refusal("PATCH", where + query(dryRun="All"), patch, MERGE) or [0, "", "", []])[3]
        server.ask("DELETE", f"{path}/{name}?gracePeriodSeconds=0")
    return list(rows)


def pod(name: str, spec: Any, container: Any) -> Any:
    """A pod with something special."""
    containers = [{"name": "c", "image": "i", **container}]
    return {"metadata": {"name": name}, "spec": {"containers": containers, **spec}}


def mutations(server: Server) -> list[Any]:
    """[group/version/plural, a sound object or a JSON patch of the last one, causes]: asks anew what `mutations.json` has."""
    rows = json.loads((HERE / "mutations.json").read_text())
    sound: Any = None
    for row in rows:
        kind, given, _ = row
        sound = given if isinstance(given, dict) else sound
        version, _, plural = kind.rpartition("/")
        prefix = "apis" if "/" in version else "api"
        path = f"/{prefix}/{version}/namespaces/measured/{plural}{query(dryRun='All')}"
        changed = sound if given is sound else json_patch(sound, parse_operations(given)[0])
        row[2] = (server.refusal("POST", path, {**changed, "metadata": {"name": "x"}}) or [0, "", "", []])[3]
    return list(rows)


def cluster(server: Server) -> list[Any]:
    """[group/version/plural, subresource, given, causes]: asks anew what `cluster.json` has."""
    return made_and_changed(server, "cluster")


def system(server: Server) -> list[Any]:
    """The same of what `system.json` has."""
    return made_and_changed(server, "system")


def made_and_changed(server: Server, table: str) -> list[Any]:
    """Asks anew what a table of objects and changes of them has.

    Without a subresource an object is given that is then the sound one, or a JSON patch of it, to be created; `make` creates what is given,
    with its status, and the rows that follow change it, its status, or its finalizers, by a JSON patch or a merge patch.
    """
    rows = json.loads((HERE / f"{table}.json").read_text())
    wide = {plural for prefix, _, plural in kinds(server) if "/namespaces/" not in prefix}
    sound: Any = None
    where, live = "", dict[str, Any]()
    for number, row in enumerate(rows):
        kind, subresource, given, _ = row
        version, _, plural = kind.rpartition("/")
        scope = "" if plural in wide else "/namespaces/measured"
        path = f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural}"
        if subresource is None:
            sound = given if isinstance(given, dict) else sound
            changed = sound if given is sound else json_patch(sound, parse_operations(given)[0])
            named = {**changed, "metadata": {"name": "x", **changed.get("metadata", {})}}
            refusal = server.refusal("POST", path + query(dryRun="All"), named)
        elif subresource == "make":
            if where:
                server.ask("DELETE", f"{where}?gracePeriodSeconds=0")
            made, refusal = given["object"], None
            named = {**made, "metadata": {"name": f"{table}-{number}", **made.get("metadata", {})}}
            where = f"{path}/{named['metadata']['name']}"
            live = server.ask("POST", path, named)
            if "status" in given:
                live = server.ask("PUT", f"{where}/status", {**live, "status": given["status"]})
        else:
            changed = (
                json_patch(live, parse_operations(given)[0])
                if isinstance(given, list)
                else merge_patch(live, given)
            )
            target = f"{where}/{subresource}".rstrip("/") + query(dryRun="All")
            refusal = server.refusal("PUT", target, changed)
        row[3] = (refusal or [0, "", "", []])[3]
    server.ask("DELETE", f"{where}?gracePeriodSeconds=0")
    return list(rows)


def security(server: Server) -> list[Any]:
    """[annotations, members of the spec, members of its container, {standard: message of the refusal}], of a sound pod with these."""
    for standard in STANDARDS:
        name, labels = namespace_of(standard)
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    rows = []
    for noted, spec, container in PODS:
        told = {}
        for standard in STANDARDS:
            path = f"/api/v1/namespaces/{namespace_of(standard)[0]}/pods{query(dryRun='All')}"
            refusal = server.refusal("POST", path, pod_of(noted, spec, container))
            if refusal is not None:
                told[standard] = refusal[2]
        rows.append([noted, spec, container, told])
    return rows


def security_requests(server: Server) -> list[Any]:
    """[method, group/version/plural, namespace, name and path below, body, refusal, warnings]: one after the other, on a fresh server."""
    rows = []
    for method, kind, place, target, body in REQUESTS:
        version, _, plural = kind.rpartition("/")
        scope = f"/namespaces/{place}" if place else ""
        path = f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural}/{target}".rstrip("/")
        refusal = server.refusal(method, path, body, MERGE if method == "PATCH" else "application/json")
        warnings = [said[1:-1].replace('\\"', '"').replace("\\\\", "\\") for said in server.warnings]
        rows.append([method, kind, place, target, body, refusal, warnings])
    return rows


def images(server: Server) -> list[Any]:
    """[image, pull policy]."""
    path = "/api/v1/namespaces/measured/pods" + query(dryRun="All")
    rows = []
    for image in IMAGES:
        made = server.ask("POST", path, pod("image", {}, {"image": image}))
        rows.append([image, made["spec"]["containers"][0]["imagePullPolicy"]])
    return rows


def names(server: Server) -> list[Any]:
    """[group, plural, name, messages about metadata.name]."""
    rows = []
    for prefix, group, plural in kinds(server):
        for name in NAMES:
            refusal = server.refusal(
                "POST", f"{prefix}/{plural}{query(dryRun='All')}", {"metadata": {"name": name}}
            )
            causes = refusal[3] if refusal else []
            said = [message for _, message, field in causes if field == "metadata.name"]
            rows.append([group, plural, name, said])
    return rows


def kinds(server: Server) -> list[tuple[str, str, str]]:
    """Paths of all stored kinds of the preferred versions."""
    found = []
    served = server.ask("GET", "/apis")["groups"]
    groups = [(f"/apis/{group['preferredVersion']['groupVersion']}", group["name"]) for group in served]
    groups.insert(0, ("/api/v1", ""))
    for prefix, group in groups:
        for resource in server.ask("GET", prefix)["resources"]:
            if "/" not in resource["name"] and "delete" in resource["verbs"]:
                scope = "/namespaces/measured" if resource["namespaced"] else ""
                found.append((prefix + scope, group, resource["name"]))
    return found


TABLES = {
    "selectors": selectors,
    "lists": lists,
    "writes": writes,
    "bodies": bodies,
    "creates": creates,
    "updates": updates,
    "names": names,
    "content": content,
    "pods": pods,
    "images": images,
    "mutations": mutations,
    "cluster": cluster,
    "system": system,
    "security": security,
    "security_requests": security_requests,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
