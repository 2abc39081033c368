"""CustomResourceDefinitions as a kube-apiserver 1.36 stores them."""

from __future__ import annotations

import json

from watchcache.api.catalog import load_catalog
from watchcache.api.definitions import from_v1beta1
from watchcache.api.stored import StoredForm

SCHEMA = {"openAPIV3Schema": {"type": "object"}}
NAMES = {"plural": "widgets", "kind": "Widget"}


def spec_of(**spec) -> dict:
    """A definition's spec in v1."""
    old = {"group": "g", "names": NAMES, "scope": "Cluster", **spec}
    return from_v1beta1({"kind": "CustomResourceDefinition", "spec": old})["spec"]


def test_what_versions_have_in_common_is_given_to_each():
    """Schema, subresources, columns with their path, selectable fields; `version` is the first of the list."""
    column = {"name": "A", "type": "string", "JSONPath": ".spec.a"}
    versions = [
        {"name": "v1", "served": True, "storage": True},
        {"name": "v2", "served": True, "storage": False},
    ]
    assert spec_of(
        version="v1",
        versions=versions,
        validation=SCHEMA,
        subresources={"status": {}},
        additionalPrinterColumns=[column],
        selectableFields=[{"jsonPath": ".spec.a"}],
        preserveUnknownFields=False,
    ) == {
        "group": "g",
        "names": NAMES,
        "scope": "Cluster",
        "versions": [
            {
                **each,
                "schema": SCHEMA,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a"}],
                "selectableFields": [{"jsonPath": ".spec.a"}],
            }
            for each in versions
        ],
    }


def test_versions_keep_what_is_their_own():
    """Nothing in common: each has its schema."""
    versions = [{"name": "v1", "served": True, "storage": True, "schema": SCHEMA}]
    assert spec_of(version="v1", versions=versions, preserveUnknownFields=False)["versions"] == versions


def test_a_definition_of_one_version():
    """From before there was a list; unknown fields were kept then."""
    spec = spec_of(version="v1", validation=SCHEMA)
    assert spec["versions"] == [{"name": "v1", "served": True, "storage": True, "schema": SCHEMA}]
    assert spec["preserveUnknownFields"] is True


def test_a_webhook_that_converts_moves():
    """Its client and the versions of the review are below `webhook`."""
    client = {"url": "https://x"}
    old = {"strategy": "Webhook", "webhookClientConfig": client, "conversionReviewVersions": ["v1"]}
    assert spec_of(version="v1", conversion=old)["conversion"] == {
        "strategy": "Webhook",
        "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
    }


def test_a_stored_definition_is_read_as_v1():
    """Through the stored form; an older version of another kind is still refused."""
    stored = {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1beta1",
        "metadata": {"name": "widgets.g"},
        "spec": {"group": "g", "version": "v1", "names": NAMES, "scope": "Cluster", "validation": SCHEMA},
    }
    key = "apiextensions.k8s.io/customresourcedefinitions/widgets.g"
    value = StoredForm(load_catalog()).decode(key, json.dumps(stored).encode(), 9)
    assert json.loads(value)["spec"]["versions"][0]["schema"] == SCHEMA
