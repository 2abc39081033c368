"""The roles and bindings that a server with RBAC among its modes holds from its start on: kube-apiserver's.

What is missing is created. What is there gets back what it lost (rules, subjects, labels), and keeps what was added; an object whose annotation
`rbac.authorization.kubernetes.io/autoupdate` is "false" is left alone. A binding to another role than ours is made anew, because a binding's role cannot change.

All at once, so that they share the journal's syncs: one after the other, the first start took 130 of them.

Source: k/k pkg/registry/rbac/reconciliation; the objects are recorded (`watchcache.auth.rbac.standing_table`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import trio

from watchcache.api.options import DeleteOptions
from watchcache.api.status import StatusError
from watchcache.auth.rbac import Rule, missing, rules_of, standing_table
from watchcache.registry.bootstrap import USER
from watchcache.registry.calls import Call, Document
from watchcache.registry.create import create
from watchcache.registry.delete import delete
from watchcache.registry.store import Store
from watchcache.registry.update import update

_logger = logging.getLogger(__name__)
API: Final = "rbac.authorization.k8s.io", "v1"
AUTOUPDATE: Final = "rbac.authorization.kubernetes.io/autoupdate"
_LABELS: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS: Final = {AUTOUPDATE: "true"}

_RACES: Final = frozenset({"AlreadyExists", "Conflict", "NotFound"})
"""Another server on the same etcd does the same at this time: what it has made is as good."""


def standing_objects() -> Iterator[Document]:
    """Roles and bindings as kube-apiserver has them."""
    for each in standing_table():
        metadata = each["metadata"]
        marked = {"labels": _LABELS | metadata.get("labels", {}), "annotations": dict(_ANNOTATIONS)}
        yield {**each, "apiVersion": "/".join(API), "metadata": metadata | marked}


async def reconcile(store: Store) -> None:
    """Have all of them."""
    async with trio.open_nursery() as nursery:
        for wanted in standing_objects():
            nursery.start_soon(_have, store, wanted)


async def _have(store: Store, wanted: Document) -> None:
    resource = store.catalog.of_kind(*API, wanted["kind"])
    assert resource is not None, wanted["kind"]
    metadata = wanted["metadata"]

    def call(verb: str) -> Call:
        return Call(resource, USER, verb, metadata.get("namespace", ""), metadata["name"])

    key = call("get").key
    head = store.log_of(key).head(key)
    try:
        if head is None:
            await create(store, call("create"), wanted)
            return
        there = store.document(resource, head.value)
        mended = mended_object(there, wanted)
        if mended == there:
            return
        if mended.get("roleRef") != there.get("roleRef"):
            await delete(store, call("delete"), DeleteOptions())
            await create(store, call("create"), {**mended, "metadata": _fresh(mended["metadata"])})
        else:
            head_of = {"kind": wanted["kind"], "apiVersion": wanted["apiVersion"]}
            await update(store, call("update"), head_of | mended)
    except StatusError as error:
        if error.reason not in _RACES:
            _logger.warning("%s: %s", key, error)


def _fresh(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        name: metadata[name] for name in ("name", "namespace", "labels", "annotations") if name in metadata
    }


def mended_object(there: Document, wanted: Document) -> Document:
    """What is stored, with what it lacks of what is wanted. Pure."""
    metadata = there["metadata"]
    if (metadata.get("annotations") or {}).get(AUTOUPDATE) == "false":
        return there
    mended = {**there, "metadata": dict(metadata)}
    for name in ("labels", "annotations"):
        mended["metadata"][name] = wanted["metadata"][name] | (metadata.get(name) or {})
    if "roleRef" in wanted:
        subjects = list(there.get("subjects") or ())
        lacking = [each for each in wanted.get("subjects", ()) if each not in subjects]
        if lacking:
            mended["subjects"] = subjects + lacking
        mended["roleRef"] = wanted["roleRef"]
    elif "aggregationRule" in wanted:
        selectors = list((there.get("aggregationRule") or {}).get("clusterRoleSelectors") or ())
        lacking = [
            each for each in wanted["aggregationRule"]["clusterRoleSelectors"] if each not in selectors
        ]
        if lacking:
            mended["aggregationRule"] = {"clusterRoleSelectors": selectors + lacking}
    elif there.get("rules") != wanted.get("rules"):
        lost = missing(rules_of(there.get("rules")), rules_of(wanted.get("rules")))
        if lost:
            mended["rules"] = [*(there.get("rules") or ()), *map(_document, lost)]
    return mended


def _document(rule: Rule) -> Document:
    members = {
        "verbs": rule.verbs,
        "apiGroups": rule.groups,
        "resources": rule.resources,
        "resourceNames": rule.names,
        "nonResourceURLs": rule.paths,
    }
    return {name: list(values) for name, values in members.items() if values}
