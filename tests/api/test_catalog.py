"""The catalog of kinds and their schemas."""

from __future__ import annotations

import msgspec
import pytest

from watchcache.api import facts, names
from watchcache.api.catalog import Catalog, Group, GroupVersion, Resource, load_catalog, version_order
from watchcache.api.schema import MISSING, Definitions, Schema


@pytest.fixture
def catalog() -> Catalog:
    """The built-in kinds, for the test alone."""
    return load_catalog()


def find(catalog: Catalog, group: str, version: str, plural: str) -> Resource:
    """A resource that must be there."""
    resource = catalog.find(group, version, plural)
    assert resource is not None
    return resource


def test_resources_are_found_by_path_and_by_kind(catalog: Catalog):
    """Both ways lead to the same row."""
    deployments = find(catalog, "apps", "v1", "deployments")
    assert catalog.of_kind("apps", "v1", "Deployment") is deployments
    assert catalog.find("apps", "v2", "deployments") is None
    assert deployments.group_resource == "deployments.apps"
    assert (deployments.api_version, deployments.list_kind) == ("apps/v1", "DeploymentList")
    assert deployments.head == b'{"kind":"Deployment","apiVersion":"apps/v1",'
    assert deployments.has_status
    assert deployments.subresources["scale"].kind == "Scale"


def test_the_core_group_is_first_and_versions_have_their_preference(catalog: Catalog):
    """Discovery's order."""
    groups = {group.name: group.versions for group in catalog.groups()}
    assert next(iter(groups)) == ""
    assert groups["autoscaling"] == ("v2", "v1")


def test_each_stored_object_has_one_resource(catalog: Catalog):
    """Storage prefixes are unique; both event APIs and both autoscaling versions lead to one."""
    stored = list(catalog.stored())
    assert len({resource.storage_prefix for resource in stored}) == len(stored)
    assert {resource.storage_prefix for resource in catalog.resources() if resource.stored} == {
        resource.storage_prefix for resource in stored
    }
    new_events = find(catalog, "events.k8s.io", "v1", "events")
    assert catalog.storage_of(new_events) is find(catalog, "", "v1", "events")
    old_scalers = find(catalog, "autoscaling", "v1", "horizontalpodautoscalers")
    assert catalog.storage_of(old_scalers).version == "v2"


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        (("", "v1", "pods"), "pods"),
        (("", "v1", "nodes"), "minions"),
        (("", "v1", "services"), "services/specs"),
        (("", "v1", "endpoints"), "services/endpoints"),
        (("", "v1", "replicationcontrollers"), "controllers"),
        (("networking.k8s.io", "v1", "ingresses"), "ingress"),
        (("coordination.k8s.io", "v1", "leases"), "leases"),
        (("apiregistration.k8s.io", "v1", "apiservices"), "apiregistration.k8s.io/apiservices"),
    ],
)
def test_objects_lie_where_kube_apiserver_puts_them(
    catalog: Catalog, path: tuple[str, str, str], prefix: str
):
    """Either server can read the other's etcd."""
    assert find(catalog, *path).storage_prefix == prefix


def test_reviews_and_bindings_are_not_stored(catalog: Catalog):
    """Kinds that are only asked, and component statuses, have no place in storage."""
    unstored = {resource.plural for resource in catalog.resources() if not resource.stored}
    assert {"bindings", "componentstatuses", "tokenreviews", "subjectaccessreviews"} <= unstored
    assert all(resource.schema.type == "object" for resource in catalog.resources())


def test_facts_name_kinds_that_exist(catalog: Catalog):
    """A misspelt row in a table would be silently without effect."""
    known = {(resource.group, resource.plural) for resource in catalog.resources()}
    tables = (
        facts.STORAGE_PREFIXES,
        facts.STORAGE_VERSIONS,
        facts.GENERATIONS,
        facts.CONDITIONAL_UPDATES,
        facts.CREATED_BY_UPDATE,
        facts.RETURNED_WHEN_DELETED,
        facts.FIELD_LABELS,
        facts.FIELD_ALIASES,
        facts.NAME_RULES,
    )
    for table in tables:
        assert set(table) <= known
    assert set(facts.NAME_RULES.values()) <= set(names.RULES)


@pytest.mark.parametrize(
    ("path", "flags"),
    [
        (("", "v1", "pods"), (True, True, False, True)),
        (("", "v1", "services"), (False, True, True, True)),
        (("", "v1", "configmaps"), (False, True, False, False)),
        (("coordination.k8s.io", "v1", "leases"), (False, False, True, False)),
        (("apps", "v1", "deployments"), (True, True, False, False)),
        (("apps", "v1", "controllerrevisions"), (False, True, False, False)),
        (("apiextensions.k8s.io", "v1", "customresourcedefinitions"), (True, False, False, False)),
    ],
)
def test_kinds_follow_their_own_rules(catalog: Catalog, path: tuple[str, str, str], flags: tuple[bool, ...]):
    """Generation, unconditional update, create on update, object returned by delete (M16, M5, M6, M14)."""
    row = find(catalog, *path)
    assert flags == (
        row.manages_generation,
        row.unconditional_update,
        row.create_on_update,
        row.returns_object_on_delete,
    )


def test_columns_and_short_names_come_from_the_published_facts(catalog: Catalog):
    """What kubectl shows of pods."""
    pods = find(catalog, "", "v1", "pods")
    assert pods.short_names == ("po",)
    assert pods.categories == ("all",)
    assert [column.name for column in pods.columns[:5]] == ["Name", "Ready", "Status", "Restarts", "Age"]


def test_kinds_come_and_go_while_the_server_runs(catalog: Catalog):
    """A custom resource adds its group, and takes it along when it leaves."""
    before = catalog.groups()
    gadgets = Resource(
        group="example.com",
        version="v1beta1",
        kind="Gadget",
        plural="gadgets",
        singular="gadget",
        schema=Schema({"type": "object"}),
        namespaced=True,
        verbs=frozenset({"get", "list"}),
        storage_prefix="example.com/gadgets",
        storage=GroupVersion("example.com", "v1beta1"),
    )
    catalog.add(gadgets)
    assert catalog.groups()[-1] == Group("example.com", ("v1beta1",))
    assert gadgets in list(catalog.stored())
    assert (gadgets.unconditional_update, gadgets.manages_generation) == (False, True)
    catalog.remove(gadgets)
    assert catalog.groups() == before
    assert catalog.find("example.com", "v1beta1", "gadgets") is None


def test_versions_are_ordered_by_stability():
    """Stable before beta before alpha, higher first, other words last."""
    ordered = [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v10beta3",
        "v3beta1",
        "v12alpha1",
        "v11alpha2",
        "foo1",
        "foo10",
    ]
    assert sorted(set(ordered), key=version_order) == ordered


def test_schemas_give_types_defaults_and_keys(catalog: Catalog):
    """Through references, as deep as one looks."""
    pod = find(catalog, "", "v1", "pods").schema
    containers = pod.properties["spec"].properties["containers"]
    assert (containers.type, containers.patch_merge_key, containers.patch_strategy) == (
        "array",
        "name",
        ("merge",),
    )
    assert containers.list_type == "map"
    assert containers.list_keys == ("name",)
    assert containers.items is not None
    ports = containers.items.properties["ports"]
    assert ports.items is not None
    assert ports.items.properties["protocol"].default == "TCP"
    assert ports.items.properties["containerPort"].format == "int32"
    assert ports.items.required == ("containerPort",)
    assert pod.properties["spec"].default == {}
    assert pod.properties["kind"].default is MISSING
    labels = pod.properties["metadata"].properties["labels"]
    assert labels.additional is not None
    assert labels.additional.type == "string"


def test_types_of_their_own_are_told_apart(catalog: Catalog):
    """Quantities, ints-or-strings, raw JSON."""
    definitions = catalog.definitions
    core = "io.k8s.apimachinery.pkg"
    assert definitions.find(f"{core}.api.resource.Quantity").format == "quantity"
    assert definitions.find(f"{core}.util.intstr.IntOrString").int_or_string
    assert definitions.find(f"{core}.runtime.RawExtension").preserve_unknown
    assert definitions.find(f"{core}.apis.meta.v1.FieldsV1").preserve_unknown
    assert not definitions.find("io.k8s.api.core.v1.PodSpec").preserve_unknown


def test_references_share_their_target(catalog: Catalog):
    """ObjectMeta exists once, whatever default a reference to it states."""
    pod, service = (find(catalog, "", "v1", plural).schema for plural in ("pods", "services"))
    assert pod.properties["metadata"].properties is service.properties["metadata"].properties
    assert pod.properties["metadata"].name == "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def test_schemas_that_contain_themselves_are_read_lazily(catalog: Catalog):
    """JSONSchemaProps has properties that are JSONSchemaProps."""
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    props = catalog.definitions.find(name)
    inner = props.properties["not"]
    assert inner.properties is props.properties


def test_every_definition_can_be_read(catalog: Catalog):
    """No definition is dangling, at any depth that a document reaches."""
    for name in catalog.definitions.names():
        schema = catalog.definitions.find(name)
        for child in (*schema.properties.values(), schema.items, schema.additional):
            assert child is None or child.properties is not None
        assert msgspec.json.decode(catalog.definitions.raw(name)) == schema.node


def test_schemas_of_custom_resources_need_no_definitions():
    """The openAPIV3Schema of a definition stands for itself."""
    schema = Schema(
        {
            "type": "object",
            "properties": {
                "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "any": {"type": "object", "additionalProperties": True},
                "port": {"x-kubernetes-int-or-string": True, "nullable": True},
            },
        }
    )
    assert not schema.preserve_unknown
    assert schema.properties["spec"].preserve_unknown
    free = schema.properties["any"].additional
    assert free is not None
    assert free.preserve_unknown
    assert (schema.properties["port"].int_or_string, schema.properties["port"].nullable) == (True, True)


def test_kinds_without_a_resource_have_schemas(catalog: Catalog):
    """Scale, Eviction and TokenRequest are only bodies of subresources."""
    for kind in (
        ("autoscaling", "v1", "Scale"),
        ("policy", "v1", "Eviction"),
        ("authentication.k8s.io", "v1", "TokenRequest"),
    ):
        schema = catalog.schema_of(*kind)
        assert schema is not None
        assert schema.name.endswith(kind[2])
    assert catalog.schema_of("", "v1", "Nothing") is None


def test_definitions_may_be_given_as_documents():
    """Parsed nodes serve as well as bytes."""
    definitions = Definitions({"a": {"properties": {"b": {"$ref": "#/components/schemas/a"}}}})
    assert definitions.find("a").properties["b"] is definitions.find("a")
    assert "a" in definitions
    assert msgspec.json.decode(definitions.raw("a")) == {
        "properties": {"b": {"$ref": "#/components/schemas/a"}}
    }
