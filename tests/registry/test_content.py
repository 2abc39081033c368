"""Rules about the content of objects, as a kube-apiserver answered (tests/api/measured/content.json): when made, and when changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import answers
from tests.registry.scene import Client, Document
from watchcache.api.status import StatusError

CLUSTER_WIDE = {
    "csidrivers", "ingressclasses", "nodes", "persistentvolumes", "priorityclasses", "resourceslices", "storageclasses",
    "volumeattachments",
}  # fmt: skip


def compared(causes: list[list[str]]) -> list[list[str]]:
    """Causes without what kube-apiserver shows of its internal types: a diff behind the text, a whole spec as the value."""
    found = []
    for reason, message, field in causes:
        told = message.partition("\n")[0]
        if told.startswith("Invalid value: {") and told.endswith(
            ("field is immutable", "cannot be both set")
        ):
            told = told.rpartition("}")[2]
        found.append([reason, told, field])
    return found


async def causes_of(client: Client, path: str, document: Document, patch: Any) -> list[list[str]]:
    """What a create is refused for, or a dry run of a patch of what was created."""
    namespace = "" if path.rpartition("/")[2] in CLUSTER_WIDE else "default"
    made = {**document, "metadata": {**document.get("metadata", {}), "name": "x"}}
    try:
        await client.create(path, made, namespace)
        if patch is not None:
            kind = "json" if isinstance(patch, list) else "merge"
            await client.patch(path, "x", patch, kind, namespace, dry_run=True)
    except StatusError as error:
        if error.code != 422:
            raise
        causes = (error.details or {})["causes"]
        return [[cause["reason"], cause["message"], cause.get("field", "")] for cause in causes]
    return []


@pytest.mark.parametrize(("path", "document", "patch", "causes"), answers("content"))
async def test_content(client: Client, path: str, document: Document, patch: Any, causes: list[list[str]]):
    """Refused for the same, in the same order, or accepted as well."""
    assert compared(await causes_of(client, path, document, patch)) == compared(causes)
