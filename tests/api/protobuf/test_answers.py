"""Both directions against what a kube-apiserver 1.36 answered in both encodings (recorded by scripts/record_protobuf.py)."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from watchcache.api import protobuf
from watchcache.api.catalog import load_catalog
from watchcache.api.structure import conform

CATALOG = load_catalog()
ANSWERS = [json.loads(line) for line in Path(__file__).with_name("answers.jsonl").read_text().splitlines()]
BY_PATH = {answer["path"]: answer for answer in ANSWERS}


@pytest.mark.parametrize("path", BY_PATH)
def test_documents_become_the_same_bytes(path: str):
    """A document's encoding is kube-apiserver's, byte for byte."""
    assert protobuf.encode(BY_PATH[path]["json"]) == base64.b64decode(BY_PATH[path]["protobuf"])


@pytest.mark.parametrize("path", BY_PATH)
def test_bytes_become_the_same_document(path: str):
    """A decoded body, conformed as every body is, is the JSON document of the same object."""
    expected = BY_PATH[path]["json"]
    decoded = protobuf.decode(base64.b64decode(BY_PATH[path]["protobuf"]))
    assert printed(decoded) == sayable(copy.deepcopy(expected))


def printed(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it would be printed."""
    group, _, version = document.get("apiVersion", "").rpartition("/")
    schema = CATALOG.schema_of(group, version, document["kind"])
    return document if schema is None else conform(document, schema).document


def sayable(document: dict[str, Any]) -> dict[str, Any]:
    """Without what has no protobuf: the kind of a StatefulSet's claims, which defaulting adds, and that an empty list is not null."""
    for claim in document.get("spec", {}).get("volumeClaimTemplates", ()):
        claim.pop("kind", None)
        claim.pop("apiVersion", None)
    if document.get("items") == []:
        document["items"] = None
    return document


def test_a_large_list_is_encoded_in_blocks():
    """The pieces of a list, joined, are its encoding in one go."""
    whole = BY_PATH["/api/v1/namespaces/pbuf/configmaps"]["json"]
    encoder = protobuf.ListEncoder({**whole, "items": []})
    blocks = [encoder.items(whole["items"][:1]), encoder.items(whole["items"][1:])]
    assert b"".join(encoder.whole(blocks)) == protobuf.encode(whole)


def test_a_watch_frame_has_its_length_first():
    """Four bytes of length, a WatchEvent, and in it the object in its envelope."""
    frame = protobuf.watch_frame("ADDED", b"k8s\x00abc")
    assert frame == b"\x00\x00\x00\x12\x0a\x05ADDED\x12\x09\x0a\x07k8s\x00abc"


def test_kinds_without_a_message_are_not_encoded():
    """Custom resources have no protobuf."""
    document = {"kind": "Thing", "apiVersion": "example.com/v1", "metadata": {}, "items": []}
    for encode in (protobuf.encode, protobuf.ListEncoder):
        with pytest.raises(ValueError, match=r"example\.com/v1 Thing has no protobuf message"):
            encode(document)
