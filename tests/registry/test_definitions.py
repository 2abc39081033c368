"""Definitions of custom resources, and the life of what they define."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from tests.registry.conftest import Restart
from tests.registry.scene import Client, Document, refused
from watchcache.api.options import ListOptions
from watchcache.api.selectors import parse_fields
from watchcache.api.status import StatusError

DEFINITIONS = "apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "example.com/v1/widgets"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def schema(**fields: Any) -> Document:
    """A schema with fields in the spec."""
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}


def version(name: str = "v1", storage: bool = True, **more: Any) -> Document:
    """A version that takes anything unless `schema` says otherwise."""
    wanted = more.pop("schema", OPEN)
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": wanted}, **more}


def definition(*versions: Document, plural: str = "widgets", kind: str = "Widget", **spec: Any) -> Document:
    """A definition in example.com."""
    names = {"plural": plural, "kind": kind, **spec.pop("names", {})}
    group = spec.pop("group", "example.com")
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": list(versions), **spec},
    }


def widget(name: str = "x", kind: str = "Widget", **members: Any) -> Document:
    """An instance."""
    return {"kind": kind, "apiVersion": "example.com/v1", "metadata": {"name": name}, **members}


def conditions(document: Document) -> dict[str, tuple[str, str]]:
    """Type to status and reason."""
    found = document["status"]["conditions"] or []
    return {each["type"]: (each["status"], each["reason"]) for each in found}


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the controller does."""
    with trio.fail_after(30):
        while not holds():  # noqa: ASYNC110 - the clock is virtual, and what is waited for has many signals
            await trio.sleep(0.01)


async def define(client: Client, *versions: Document, **spec: Any) -> Document:
    """Write a definition, and wait until it has been looked at."""
    wanted = definition(*versions or (version(),), **spec)
    await client.create(DEFINITIONS, wanted, "")
    name = wanted["metadata"]["name"]
    await until(lambda: bool(client.get(DEFINITIONS, name, "")["status"]["conditions"]))
    return client.get(DEFINITIONS, name, "")


async def change(client: Client, name: str, patch: Document) -> Document:
    """Change a definition, and wait until it is served so."""
    changed = await client.patch(DEFINITIONS, name, patch, namespace="")
    await trio.testing.wait_all_tasks_blocked()
    return changed


async def test_a_definition_is_established_and_served(client: Client, autojump_clock):
    """Its names are accepted, its kinds are in the catalog, its objects under kube-apiserver's keys."""
    stored = await define(client)
    assert conditions(stored) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert stored["status"]["acceptedNames"]["listKind"] == "WidgetList"
    assert stored["status"]["storedVersions"] == ["v1"]
    made = await client.create(WIDGETS, widget(any="thing"))
    assert (made["kind"], made["any"], made["metadata"]["generation"]) == ("Widget", "thing", 1)
    assert client.log.head("example.com/widgets/default/x") is not None


async def test_who_defines_finds_it_served(client: Client, autojump_clock):
    """The answer shows the definition as it was written, its resources are there by then; not of a dry run."""
    await client.create(DEFINITIONS, definition(version()), "", dry_run=True)
    assert client.catalog.find("example.com", "v1", "widgets") is None
    made = await client.create(DEFINITIONS, definition(version()), "")
    assert made["status"]["conditions"] is None
    assert client.catalog.find("example.com", "v1", "widgets") is not None


async def test_names_that_are_taken_are_not_accepted(client: Client, autojump_clock):
    """Each conflict has its reason; what is free is accepted, and once the other definition has gone all is."""
    await define(client, names={"shortNames": ["w"]})
    for wanted, reason in (
        ({"kind": "Widget", "listKind": "Gizmos"}, "KindConflict"),
        ({"kind": "Gizmo", "listKind": "WidgetList"}, "ListKindConflict"),
        ({"kind": "Gizmo", "singular": "widget"}, "SingularConflict"),
        ({"kind": "Gizmo", "shortNames": ["w"]}, "ShortNamesConflict"),
    ):
        stored = await define(client, plural="gizmos", names=wanted)
        assert conditions(stored)["NamesAccepted"] == ("False", reason)
        assert conditions(stored)["Established"] == ("False", "NotAccepted")
        assert stored["status"]["acceptedNames"]["plural"] == "gizmos"
        assert client.catalog.find("example.com", "v1", "gizmos") is None
        await client.delete(DEFINITIONS, "gizmos.example.com", "")
        await until(lambda: not client.exists(DEFINITIONS, "gizmos.example.com", ""))
    await define(client, plural="gizmos", names={"kind": "Gizmo", "shortNames": ["w"]})
    await client.delete(DEFINITIONS, "widgets.example.com", "")
    await until(lambda: client.catalog.find("example.com", "v1", "gizmos") is not None)


async def test_a_kind_of_another_group_is_free(client: Client, autojump_clock):
    """Names are taken within a group only."""
    await define(client)
    stored = await define(client, group="other.example.com")
    assert conditions(stored)["NamesAccepted"][0] == "True"


async def test_deleting_a_definition_deletes_its_instances(client: Client, autojump_clock):
    """Marked with its finalizer and condition, its generation unmoved; then all is gone, and reads answer 404."""
    await define(client)
    for number in range(40):
        await client.create(WIDGETS, widget(f"w{number}"))
    call = client.call(WIDGETS, "default")
    gone = await client.delete(DEFINITIONS, "widgets.example.com", "")
    assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert conditions(gone)["Terminating"] == ("True", "InstanceDeletionPending")
    assert gone["metadata"]["generation"] == 1
    await until(lambda: not client.exists(DEFINITIONS, "widgets.example.com", ""))
    assert not list(client.log.heads("example.com/widgets/"))
    assert client.catalog.find("example.com", "v1", "widgets") is None
    with pytest.raises(StatusError) as refused:
        await client.registry.list(call, ListOptions())
    assert refused.value.code == 404


async def test_what_holds_an_instance_holds_its_definition(client: Client, autojump_clock):
    """No new ones meanwhile; when the finalizer goes, so does everything."""
    await define(client)
    await client.create(WIDGETS, {**widget(), "metadata": {"name": "x", "finalizers": ["example.com/hold"]}})
    await client.delete(DEFINITIONS, "widgets.example.com", "")
    await until(lambda: "deletionTimestamp" in client.get(WIDGETS, "x")["metadata"])
    held = client.get(DEFINITIONS, "widgets.example.com", "")
    assert conditions(held)["Terminating"] == ("True", "InstanceDeletionInProgress")
    with pytest.raises(
        StatusError, match="create not allowed while custom resource definition is terminating"
    ):
        await client.create(WIDGETS, widget("y"))
    await client.patch(WIDGETS, "x", {"metadata": {"finalizers": None}})
    await until(lambda: not client.exists(DEFINITIONS, "widgets.example.com", ""))


async def test_a_definition_that_was_never_established_goes_at_once(client: Client, autojump_clock):
    """There can be no instances."""
    await define(client)
    await define(client, plural="gizmos", names={"kind": "Widget"})
    await client.delete(DEFINITIONS, "gizmos.example.com", "")
    await until(lambda: not client.exists(DEFINITIONS, "gizmos.example.com", ""))
    assert client.exists(DEFINITIONS, "widgets.example.com", "")


async def test_instances_are_deleted_also_when_no_version_is_served(client: Client, autojump_clock):
    """What is stored is not forgotten because nobody can see it."""
    await define(client)
    await client.create(WIDGETS, widget())
    await change(client, "widgets.example.com", {"spec": {"versions": [{**version(), "served": False}]}})
    assert client.catalog.find("example.com", "v1", "widgets") is None
    await client.delete(DEFINITIONS, "widgets.example.com", "")
    await until(lambda: not client.exists(DEFINITIONS, "widgets.example.com", ""))
    assert not list(client.log.heads("example.com/widgets/"))


async def test_a_namespace_takes_its_instances_with_it(client: Client, autojump_clock):
    """As it does with what is built in."""
    await define(client)
    await client.create("v1/namespaces", {"metadata": {"name": "team"}}, "")
    await client.create(WIDGETS, widget(), "team")
    await client.delete("v1/namespaces", "team", "")
    await until(lambda: not client.exists("v1/namespaces", "team", ""))
    assert not client.exists(WIDGETS, "x", "team")


async def test_a_cluster_scoped_definition(client: Client, autojump_clock):
    """Keys without a namespace."""
    await define(client, scope="Cluster")
    await client.create(WIDGETS, widget(), "")
    assert client.log.head("example.com/widgets/x") is not None
    assert await client.names(WIDGETS, "") == ["x"]


async def test_every_served_version_shows_the_same_objects(client: Client, autojump_clock):
    """Only the apiVersion differs; each version prunes what is written through it by its own schema."""
    await define(client, version(), version("v2", storage=False, schema=schema(a={"type": "integer"})))
    await client.create(WIDGETS, widget("one", spec={"a": 1, "b": 2}))
    assert client.get("example.com/v2/widgets", "one")["spec"] == {"a": 1, "b": 2}
    two = {**widget("two", spec={"a": 1, "b": 2}), "apiVersion": "example.com/v2"}
    made = await client.create("example.com/v2/widgets", two)
    assert (made["apiVersion"], made["spec"]) == ("example.com/v2", {"a": 1})
    assert await client.names("example.com/v2/widgets") == ["one", "two"]


async def test_the_storage_version_is_remembered(client: Client, autojump_clock):
    """A new one is added to those in which instances may be stored."""
    await define(client, version(), version("v2", storage=False))
    patch = {"spec": {"versions": [version("v1", storage=False), version("v2")]}}
    changed = await change(client, "widgets.example.com", patch)
    assert changed["status"]["storedVersions"] == ["v1", "v2"]
    assert changed["metadata"]["generation"] == 2


async def test_a_new_schema_shapes_what_was_written_before(client: Client, autojump_clock):
    """Reads, lists and watches show its defaults and leave out what it does not have; what is written since is stored so."""
    await define(client)
    await client.create(WIDGETS, widget("old", spec={"a": 1, "b": 2}))
    newer = version(schema=schema(a={"type": "integer"}, c={"type": "string", "default": "d"}))
    await change(client, "widgets.example.com", {"spec": {"versions": [newer]}})
    assert client.get(WIDGETS, "old")["spec"] == {"a": 1, "c": "d"}
    assert [each["spec"] for each in await client.list(WIDGETS)] == [{"a": 1, "c": "d"}]
    made = await client.create(WIDGETS, widget("new", spec={"b": 2}))
    assert made["spec"] == {"c": "d"}
    patched = await client.patch(WIDGETS, "old", {"spec": {"a": 3}})
    assert patched["spec"] == {"a": 3, "c": "d"}
    head = client.log.head("example.com/widgets/default/old")
    assert head is not None
    assert b'"b"' not in head.value


async def test_a_changed_definition_ends_its_watches(client: Client, autojump_clock):
    """Clients resume on the new cache, and are told by the new schema; a change of status alone ends nothing."""
    await define(client)
    hub = client.registry.hub
    cache = hub.route("example.com/widgets/default/x")
    assert cache is not None
    status = {"status": {"observedGeneration": 1}}
    await client.patch(DEFINITIONS, "widgets.example.com", status, namespace="", subresource="status")
    await trio.testing.wait_all_tasks_blocked()
    assert hub.route("example.com/widgets/default/x") is cache
    await change(client, "widgets.example.com", {"spec": {"versions": [version(schema=schema())]}})
    assert not cache.ready
    assert hub.route("example.com/widgets/default/x") is not None


async def test_selectable_fields(client: Client, autojump_clock):
    """Of strings, numbers and booleans; those of all versions are kept, each version takes its own."""
    fields = {"a": {"type": "string"}, "n": {"type": "integer"}, "b": {"type": "boolean"}}
    selectable = [{"jsonPath": f".spec.{name}"} for name in fields]
    await define(
        client,
        version(schema=schema(**fields), selectableFields=selectable),
        version("v2", storage=False),
    )
    await client.create(WIDGETS, widget("one", spec={"a": "x", "n": 3, "b": True}))
    await client.create(WIDGETS, widget("two", spec={"a": "y"}))
    for text, names in (
        ("spec.a=x", ["one"]),
        ("spec.n=3", ["one"]),
        ("spec.b=true", ["one"]),
        ("spec.n=", ["two"]),
    ):
        assert await client.names(WIDGETS, field_selector=parse_fields(text)) == names
    with pytest.raises(StatusError, match=r"field label not supported: spec\.a"):
        await client.names("example.com/v2/widgets", field_selector=parse_fields("spec.a=x"))


async def test_generation_counts_everything_but_metadata_and_status(client: Client, autojump_clock):
    """Without a status of its own, a change of status counts, too."""
    await define(client, version(subresources={"status": {}}))
    await client.create(WIDGETS, widget(spec={"a": 1}, status={"x": 1}))
    assert "status" not in client.get(WIDGETS, "x")
    for patch, generation in (
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"spec": {"a": 2}}, 2),
        ({"other": 1}, 3),
        ({"status": {"x": 2}}, 3),
    ):
        assert (await client.patch(WIDGETS, "x", patch))["metadata"]["generation"] == generation
    changed = await client.patch(WIDGETS, "x", {"spec": {"a": 9}, "status": {"x": 3}}, subresource="status")
    assert (changed["spec"], changed["status"], changed["metadata"]["generation"]) == ({"a": 2}, {"x": 3}, 3)
    await define(client, plural="plains", kind="Plain")
    await client.create("example.com/v1/plains", widget(kind="Plain", status={"x": 1}))
    changed = await client.patch("example.com/v1/plains", "x", {"status": {"x": 2}})
    assert changed["metadata"]["generation"] == 2


async def test_a_restart_serves_the_definitions_at_once(client: Client, restarted: Restart, autojump_clock):
    """With their instances, before anybody asks."""
    await define(client)
    await client.create(WIDGETS, widget())
    again = await restarted()
    assert again.get(WIDGETS, "x")["kind"] == "Widget"
    assert (await again.create(WIDGETS, widget("y")))["metadata"]["name"] == "y"


async def test_a_built_in_kind_is_not_displaced(client: Client, autojump_clock):
    """A definition of what the server has itself is stored, and changes nothing."""
    name = "leases.coordination.k8s.io"
    wanted = definition(version(), plural="leases", group="coordination.k8s.io", names={"kind": "Other"})
    wanted["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    await client.create(DEFINITIONS, wanted, "")
    await until(lambda: bool(client.get(DEFINITIONS, name, "")["status"]["conditions"]))
    resource = client.catalog.find("coordination.k8s.io", "v1", "leases")
    assert resource is not None
    assert resource.builtin
    found = conditions(client.get(DEFINITIONS, name, ""))
    assert found["KubernetesAPIApprovalPolicyConformant"] == ("False", "UnapprovedAnnotation")


async def test_what_cannot_be_served_fully_is_said(client: Client):
    """Warnings for rules that use what is not there, and for formats that nobody checks; a webhook is called, and needs none."""
    rule = {"rule": "!format.uri().validate(self.a).hasValue()"}
    odd = version(schema=schema(a={"type": "string", "format": "odd", "x-kubernetes-validations": [rule]}))
    webhook = {
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://x/y"}},
    }
    call = client.call(DEFINITIONS)
    await client.registry.create(call, definition(odd, conversion=webhook))
    assert len(call.warnings) == 2
    assert call.warnings[0] == 'unrecognized format "odd"'
    assert "the rule is not evaluated: format, validate is not supported" in call.warnings[1]


async def test_a_quota_counts_instances(client: Client, autojump_clock):
    """By plural and group, as it counts every kind."""
    await define(client)
    hard = {"count/widgets.example.com": "1"}
    await client.create("v1/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    counted = {"status": {"hard": hard, "used": {"count/widgets.example.com": "0"}}}
    await client.patch("v1/resourcequotas", "q", counted, subresource="status")
    await client.create(WIDGETS, widget("one"))
    with pytest.raises(StatusError, match=r"exceeded quota: q, requested: count/widgets\.example\.com=1"):
        await client.create(WIDGETS, widget("two"))


async def test_an_update_needs_a_revision(client: Client, autojump_clock):
    """Last write wins is for built-in kinds only (M5); an unchanged document is not written (M10)."""
    await define(client)
    made = await client.create(WIDGETS, widget(spec={"a": 1.0}))
    with pytest.raises(StatusError, match="must be specified for an update"):
        await client.put(WIDGETS, widget(spec={"a": 2}))
    same = await client.put(WIDGETS, made)
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert same["spec"] == {"a": 1}


async def test_dry_runs_and_collections(client: Client, autojump_clock):
    """As of every kind."""
    await define(client)
    await client.create(WIDGETS, widget("dry"), dry_run=True)
    assert not client.exists(WIDGETS, "dry")
    for number in range(5):
        await client.create(WIDGETS, widget(f"w{number}"))
    listed = await client.delete_all(WIDGETS)
    assert len(listed.values) == 5
    assert await client.names(WIDGETS) == []


async def test_a_scale_of_what_has_no_replicas_yet(client: Client, autojump_clock):
    """It cannot be read, but it can be set; with the first field of the spec the others get their defaults."""
    replicas = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    fields = schema(replicas={"type": "integer"}, text={"type": "string", "default": "t"})
    await define(client, version(subresources={"status": {}, "scale": replicas}, schema=fields))
    await client.create(WIDGETS, widget("x"))
    with pytest.raises(StatusError, match="does not exist"):
        client.get(WIDGETS, "x", subresource="scale")
    error = await refused(client.patch(WIDGETS, "x", {"metadata": {"name": "x"}}, subresource="scale"), 400)
    assert error.message == 'the spec replicas field ".spec.replicas" cannot be empty'
    scaled = await client.patch(WIDGETS, "x", {"spec": {"replicas": 3}}, subresource="scale")
    assert scaled["spec"] == {"replicas": 3}
    assert client.get(WIDGETS, "x")["spec"] == {"replicas": 3, "text": "t"}
    wanted = {"metadata": {"name": "x"}, "spec": {"replicas": 4}}
    await client.put(WIDGETS, wanted, subresource="scale")
    assert client.get(WIDGETS, "x")["spec"]["replicas"] == 4


async def test_a_definition_that_cannot_be_read_costs_itself_only(
    client: Client, caplog: pytest.LogCaptureFixture, autojump_clock
):
    """Written by another server, past all validation."""
    key = "apiextensions.k8s.io/customresourcedefinitions/odd.example.com"
    await client.log.append(key, b'{"metadata":{"resourceVersion":"","name":"odd.example.com"}}')
    await define(client)
    assert (await client.create(WIDGETS, widget()))["kind"] == "Widget"
    assert "odd.example.com cannot be" in caplog.text
