"""The registry's part of metadata rules: preconditions in documents, revision and generation; the rest is `api.meta`.

A new object's resourceVersion is the log's to give; an update's is a precondition, and the generation is only ever
moved by the server (M2-M5, M7, M16, M18). Who owns the fields is `owners`' business.
"""

from __future__ import annotations

from random import Random

from watchcache.api import meta, status
from watchcache.registry.calls import Call, Document


def of_new(sent: Document, call: Call, now: float, random: Random) -> Document:
    """The metadata of a new object: what the client may say, a name if it wants one made, uid and time."""
    namespace = call.namespace if call.resource.namespaced else ""
    metadata = meta.prepare_create(sent, namespace=namespace, now=now, random=random)
    metadata.pop("resourceVersion", None)
    return metadata


def carried_over(sent: Document, stored: Document) -> Document:
    """The metadata of an update, with what a client cannot change as it is stored."""
    metadata = meta.prepare_update(sent, stored)
    metadata.pop("selfLink", None)
    metadata["resourceVersion"] = stored["resourceVersion"]
    if "generation" in stored:
        metadata["generation"] = stored["generation"]
    else:
        metadata.pop("generation", None)
    return metadata


def check_no_revision(document: Document) -> None:
    """A new object has no resourceVersion yet; what is no number is not seen as one (M2)."""
    text = document["metadata"].get("resourceVersion") or ""
    if text.isascii() and text.isdigit() and int(text) > 0:
        raise status.untyped("resourceVersion should not be set on objects to be created")


def check_uid_precondition(call: Call, stored: Document, uid: str) -> None:
    """The uid in the body of a PUT says which object is meant, in the words of the storage (M7)."""
    held = stored["metadata"].get("uid", "")
    if uid and uid != held:
        text = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{call.key}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: {status.unmet('UID', uid, held)}"
        )
        raise status.conflict(call.resource.group_resource, call.name, text)
