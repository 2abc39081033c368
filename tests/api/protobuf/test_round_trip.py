"""Any document of any kind survives its encoding; any bytes are read or refused."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from documents import document
from hypothesis import given, settings
from hypothesis import strategies as st

from watchcache.api import protobuf
from watchcache.api.catalog import Resource, load_catalog
from watchcache.api.structure import conform

RESOURCES = [resource for resource in load_catalog().resources() if "create" in resource.verbs]
ANSWERS = [
    base64.b64decode(json.loads(line)["protobuf"])
    for line in Path(__file__).with_name("answers.jsonl").read_text().splitlines()
]


def head(resource: Resource) -> dict[str, Any]:
    """What every document of a kind begins with."""
    return {"kind": resource.kind, "apiVersion": resource.api_version}


@pytest.mark.parametrize(
    "resource", RESOURCES, ids=lambda resource: f"{resource.api_version}.{resource.kind}"
)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_document_survives_its_encoding(resource: Resource, seed: int):
    """Decoding what was encoded gives the object that the JSON body would have given."""
    drawn = {**head(resource), **document(resource.schema, Random(seed))}
    conformed = conform(drawn, resource.schema).document
    decoded = protobuf.decode(protobuf.encode(conformed))
    assert conform(decoded, resource.schema).document == conformed


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ANSWERS), st.data())
def test_damaged_bodies_are_read_or_refused(body: bytes, data: st.DataObject):
    """Bytes changed, cut out or repeated give a document or the one exception, nothing else."""
    at = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(at, min(at + 20, len(body))))
    damaged = body[:at] + data.draw(st.binary(max_size=12)) + body[end:]
    with contextlib.suppress(protobuf.MalformedMessageError):
        assert isinstance(protobuf.decode(damaged), dict)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes):
    """The message of a pod out of anything gives a document or the one exception."""
    envelope = b"k8s\x00\x0a\x09\x0a\x02v1\x12\x03Pod\x12" + bytes((len(body) & 0x7F,)) + body
    with contextlib.suppress(protobuf.MalformedMessageError):
        assert isinstance(protobuf.decode(envelope), dict)
