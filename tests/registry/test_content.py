"""Rules about the content of objects, as a kube-apiserver answered (tests/api/measured/content.json): when made, and when changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.answers import answers
from tests.registry.scene import Client, Document
from watchcache.api.defaulting.images import pull_policy
from watchcache.api.patch.json_patch import json_patch, parse_operations
from watchcache.api.patch.merge_patch import merge_patch
from watchcache.api.status import StatusError
from watchcache.api.validation import content_causes

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
            (
                "field is immutable",
                "cannot be both set",
                "updating from beta label to GA",
                "unsupported scope applied to resource",
                "must equal the fixed value",
                "exactly one value must be specified",
            )
        ):
            told = told.rpartition("}")[2]
        found.append([reason, told, field])
    return found


def told(error: StatusError) -> list[list[str]]:
    """The causes of a 422, as the recordings have them; anything else is raised."""
    if error.code != 422:
        raise error
    causes = (error.details or {})["causes"]
    return [[cause["reason"], cause["message"], cause.get("field", "")] for cause in causes]


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
        return told(error)
    return []


@pytest.mark.parametrize(("path", "document", "patch", "causes"), answers("content"))
async def test_content(client: Client, path: str, document: Document, patch: Any, causes: list[list[str]]):
    """Refused for the same, in the same order, or accepted as well."""
    assert compared(await causes_of(client, path, document, patch)) == compared(causes)


async def test_pods(client: Client):
    """The same for pods with something special, made and changed, and on paths of their own."""
    different = []
    for number, (spec, container, subresource, patch, causes) in enumerate(answers("pods")):
        containers = [{"name": "c", "image": "i", **container}]
        made = {"metadata": {"name": f"x{number}"}, "spec": {"containers": containers, **spec}}
        found: list[list[str]] = []
        try:
            await client.create("v1/pods", made, dry_run=patch is None)
            if patch is not None:
                await client.patch("v1/pods", f"x{number}", patch, subresource=subresource, dry_run=True)
        except StatusError as error:
            found = told(error)
        if compared(found) != compared(causes):
            different.append((spec, container, subresource, patch, found, causes))
    assert not different


async def test_mutations(client: Client):
    """Sound objects of which one thing is changed."""
    different = []
    sound: Document = {}
    for kind, given, causes in answers("mutations"):
        sound = given if isinstance(given, dict) else sound
        changed = sound if given is sound else json_patch(sound, parse_operations(given)[0])
        found: list[list[str]] = []
        try:
            await client.create(kind, {**changed, "metadata": {"name": "x"}}, dry_run=True)
        except StatusError as error:
            found = told(error)
        if compared(found) != compared(causes):
            different.append((kind, given, found, causes))
    assert not different


async def test_cluster(client: Client):
    """The same of volumes and what provides them, quotas, nodes and others, made and changed, and of what is told in their status."""
    assert not await different(client, "cluster")


async def test_system(client: Client):
    """The same of devices and claims of them, flow control, API services, signing requests, addresses, classes of ingresses and events."""
    await client.create("v1/namespaces", {"metadata": {"name": "measured"}}, "")
    assert not await different(client, "system", "measured")


async def different(client: Client, table: str, place: str = "default") -> list[Any]:
    """The rows of a table that are answered otherwise: with subresource, what is given, and both answers."""
    found_different = []
    sound: Document = {}
    name, live = "", dict[str, Any]()
    for number, (kind, subresource, given, causes) in enumerate(answers(table)):
        namespace = place if client.call(kind).resource.namespaced else ""
        found: list[list[str]] = []
        try:
            if subresource is None:
                sound = given if isinstance(given, dict) else sound
                changed = sound if given is sound else json_patch(sound, parse_operations(given)[0])
                named = {**changed, "metadata": {"name": "x", **changed.get("metadata", {})}}
                await client.create(kind, named, namespace, dry_run=True)
            elif subresource == "make":
                made = given["object"]
                named = {**made, "metadata": {"name": f"{table}-{number}", **made.get("metadata", {})}}
                name = named["metadata"]["name"]
                live = await client.create(kind, named, namespace)
                if "status" in given:
                    told_of = {**live, "status": given["status"]}
                    live = await client.put(kind, told_of, name, namespace, subresource="status")
            else:
                changed = (
                    json_patch(live, parse_operations(given)[0])
                    if isinstance(given, list)
                    else merge_patch(live, given)
                )
                await client.put(kind, changed, name, namespace, subresource=subresource, dry_run=True)
        except StatusError as error:
            found = told(error)
        if compared(found) != compared(causes):
            found_different.append((kind, subresource, given, found, causes))
    return found_different


BLOCK = {"cidr": "010.0.0.0/8", "except": ["10.1.0.1/16"]}
"""What older releases stored."""


@pytest.mark.parametrize(
    ("path", "known", "field"),
    [
        ("networking.k8s.io/v1/networkpolicies", {"egress": [{"to": [{"ipBlock": BLOCK}]}]}, "podSelector"),
        (
            "v1/services",
            {
                "type": "LoadBalancer",
                "ports": [{"port": 1}],
                "externalIPs": ["1.2.3.04"],
                "loadBalancerSourceRanges": ["10.0.0.0/08"],
            },
            "selector",
        ),
    ],
)
async def test_addresses_that_are_stored_may_stay(client: Client, path: str, known: Document, field: str):
    """In a form that is refused where it is new."""
    resource = client.call(path).resource
    changed = {**known, field: {}}
    assert not [*content_causes(resource, {"spec": changed}, {"spec": known})]
    assert len([*content_causes(resource, {"spec": changed}, None)]) == 2


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("v1/limitranges", {"spec": {"limits": [{"type": "X"}]}}),
        ("v1/resourcequotas", {"spec": {"hard": {"foo": "1"}}}),
        ("v1/persistentvolumes", {"spec": {}}),
        ("v1/persistentvolumeclaims", {"spec": {}}),
        ("v1/nodes", {"spec": {"taints": [{}]}}),
        ("node.k8s.io/v1/runtimeclasses", {"handler": "-"}),
        ("storage.k8s.io/v1/storageclasses", {"provisioner": "-"}),
    ],
)
async def test_what_is_stored_can_be_let_go_of(client: Client, path: str, known: Document):
    """Only its metadata changes; when anything else does, all is looked at."""
    resource = client.call(path).resource
    held = {"metadata": {"name": "a", "finalizers": ["a/b"]}, **known}
    assert not [*content_causes(resource, {**held, "metadata": {"name": "a"}}, held)]
    assert [*content_causes(resource, held, None)]


@pytest.mark.parametrize(("image", "policy"), answers("images"))
def test_images(image: str, policy: str):
    """When an image is pulled where nobody says."""
    assert pull_policy(image) == policy


LABELLED = {"app": "x", "tier": "t"}
SAME, OTHER = (
    {"key": "app", "operator": "In", "values": ["x"]},
    {"key": "tier", "operator": "NotIn", "values": ["t"]},
)
KEYS = {"matchLabelKeys": ["app", "none"], "mismatchLabelKeys": ["tier"]}


async def test_keys_become_terms_of_the_selector(client: Client):
    """Where there is a selector; for the pod, not for what it is made from."""
    named = {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "zone"}
    spread = {**named, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": ["app"]}
    required, preferred = (
        f"{word}DuringSchedulingIgnoredDuringExecution" for word in ("required", "preferred")
    )
    spec = {
        "containers": [{"name": "c", "image": "i"}],
        "affinity": {
            "podAffinity": {required: [{**named, **KEYS}]},
            "podAntiAffinity": {
                preferred: [{"weight": 1, "podAffinityTerm": {**named, "matchLabelKeys": ["app"]}}]
            },
        },
        "topologySpreadConstraints": [spread],
    }
    metadata = {"name": "x", "labels": LABELLED}
    made = (await client.create("v1/pods", {"metadata": metadata, "spec": spec}))["spec"]
    affinity = made["affinity"]
    assert affinity["podAffinity"][required][0]["labelSelector"]["matchExpressions"] == [SAME, OTHER]
    term = affinity["podAntiAffinity"][preferred][0]["podAffinityTerm"]
    assert term["labelSelector"] == {"matchLabels": {"a": "b"}, "matchExpressions": [SAME]}
    assert made["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"] == [SAME]
    template = {"metadata": metadata, "template": {"metadata": {"labels": LABELLED}, "spec": spec}}
    kept = (await client.create("v1/podtemplates", template))["template"]["spec"]
    assert "matchExpressions" not in kept["topologySpreadConstraints"][0]["labelSelector"]
