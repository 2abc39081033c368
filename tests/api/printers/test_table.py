"""The shapes of Table, PartialObjectMetadata and their lists."""

import pytest

from watchcache.api import table
from watchcache.api.catalog import Resource, load_catalog

CATALOG = load_catalog()
CONFIG_MAPS = CATALOG.find("", "v1", "configmaps")
DOCUMENT = {
    "kind": "ConfigMap",
    "apiVersion": "v1",
    "metadata": {"name": "a", "resourceVersion": "7", "creationTimestamp": "1970-01-01T00:00:00Z"},
    "data": {"x": "y"},
}


def test_fields_come_in_the_order_of_the_wire():
    """A Table has kind, apiVersion, metadata, columns, rows, and nothing else."""
    made = table.table(CONFIG_MAPS, [DOCUMENT], 10.0, metadata={"resourceVersion": "9"})
    assert list(made) == ["kind", "apiVersion", "metadata", "columnDefinitions", "rows"]
    assert made["metadata"] == {"resourceVersion": "9"}
    assert list(made["columnDefinitions"][0]) == ["name", "type", "format", "description", "priority"]
    assert made["rows"][0]["cells"] == ["a", 1, "10s"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("None", None),
        (
            "Metadata",
            {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": DOCUMENT["metadata"],
            },
        ),
        ("Object", DOCUMENT),
    ],
)
def test_rows_hold_what_was_asked_for(include, expected):
    """`includeObject` decides what the rows' objects are."""
    assert table.table(CONFIG_MAPS, [DOCUMENT], 10.0, include=include)["rows"][0]["object"] == expected


def test_an_empty_table_has_no_rows():
    """An empty list is a Table with columns and an empty list of rows."""
    made = table.table(CONFIG_MAPS, [], 0.0)
    assert made["rows"] == []
    assert len(made["columnDefinitions"]) == 3


def test_later_watch_events_have_no_columns():
    """Without columns their place is null."""
    made = table.table(
        CONFIG_MAPS, [DOCUMENT], 0.0, with_columns=False, metadata=table.object_metadata(DOCUMENT)
    )
    assert made["columnDefinitions"] is None
    assert made["metadata"] == {"resourceVersion": "7"}


def test_v1beta1_is_said_of_table_and_metadata():
    """The version that was asked for is that of the Table and of its objects."""
    made = table.table(CONFIG_MAPS, [DOCUMENT], 0.0, version="v1beta1")
    assert made["apiVersion"] == made["rows"][0]["object"]["apiVersion"] == "meta.k8s.io/v1beta1"


def test_a_scale_has_columns_of_its_own():
    """The Table of the subresource scale has the columns of Scale, not those of the resource."""
    deployments = CATALOG.find("apps", "v1", "deployments")
    scale = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": "w"},
        "spec": {"replicas": 2},
    }
    made = table.table(deployments, [scale], 0.0, kind="Scale")
    assert [column["name"] for column in made["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert made["rows"][0]["cells"] == ["w", 2, 0, "<unknown>"]


def test_custom_resources_show_name_and_age():
    """A kind that is not built in and defines no columns shows its name and age."""
    resource = Resource(
        group="example.com",
        version="v1",
        kind="Thing",
        plural="things",
        singular="thing",
        schema=CONFIG_MAPS.schema,
        namespaced=True,
        verbs=frozenset(),
        storage=CONFIG_MAPS.storage,
    )
    assert [(c["name"], c["type"]) for c in table.columns(resource)] == [("Name", "string"), ("Age", "date")]
    assert table.cells(resource, DOCUMENT, 60.0) == ["a", "60s"]
