"""Limit ranges, resource quotas and runtime classes: what a namespace and a cluster allow pods to ask for."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.registry.scene import Client, Document, config_map, pod, refused


def container(name: str = "c", **resources: Any) -> Document:
    """A container that asks for resources."""
    return {"name": name, "image": "nginx", "resources": resources}


async def limit(client: Client, **limit: Any) -> None:
    """Give the namespace a limit range of one row."""
    document = {"metadata": {"name": "range"}, "spec": {"limits": [{"type": "Container", **limit}]}}
    await client.create("v1/limitranges", document)


async def quota(client: Client, hard: Document, used: Document | None = None, **spec: Any) -> None:
    """Give the namespace a quota that its controller has counted; without `used` nothing counts yet."""
    await client.create("v1/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    state = {"hard": hard, "used": {**dict.fromkeys(hard, "0"), **(used or {})}}
    await client.patch("v1/resourcequotas", "q", {"status": state}, subresource="status")


def used(client: Client) -> Document:
    """What the quota says is used."""
    return client.get("v1/resourcequotas", "q")["status"]["used"]


# --- limit ranges ---


async def test_a_limit_range_fills_in_what_a_container_leaves_out(client: Client):
    """Requests and limits that are said stay; an annotation names what was filled in."""
    await limit(
        client, default={"cpu": "500m", "memory": "500Mi"}, defaultRequest={"cpu": "100m", "memory": "200Mi"}
    )
    said = container("said", limits={"cpu": "300m"}, requests={"memory": "150Mi"})
    made = await client.create("v1/pods", pod("p", containers=[said, container("silent")]))
    first, second = (each["resources"] for each in made["spec"]["containers"])
    assert first == {
        "limits": {"cpu": "300m", "memory": "500Mi"},
        "requests": {"cpu": "300m", "memory": "150Mi"},
    }
    assert second == {
        "limits": {"cpu": "500m", "memory": "500Mi"},
        "requests": {"cpu": "100m", "memory": "200Mi"},
    }
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: memory limit for container said; "
        "cpu, memory request for container silent; cpu, memory limit for container silent"
    )
    assert made["status"]["qosClass"] == "Burstable"


async def test_an_update_fills_in_nothing(client: Client):
    """What a stored pod asks for is not changed by a limit range that came later."""
    await client.create("v1/pods", pod("p"))
    await limit(client, default={"cpu": "1"})
    changed = await client.patch("v1/pods", "p", {"metadata": {"labels": {"a": "b"}}})
    assert changed["spec"]["containers"][0]["resources"] == {}


@pytest.mark.parametrize(
    ("bound", "resources", "problem"),
    [
        (
            {"max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "1"}}, ""),
        (
            {"min": {"memory": "1Gi"}},
            {"requests": {"memory": "512Mi"}},
            "minimum memory usage per Container is 1Gi, but request is 512Mi",
        ),
        (
            {"min": {"cpu": "50m"}, "max": {"cpu": "1"}},
            {"requests": {"cpu": "10m"}, "limits": {"cpu": "3"}},
            (
                "[minimum cpu usage per Container is 50m, but request is 10m, "
                "maximum cpu usage per Container is 1, but limit is 3]"
            ),
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ],
)
async def test_bounds_of_containers(client: Client, bound: Document, resources: Document, problem: str):
    """403 with every bound that is broken."""
    await limit(client, **bound)
    attempt = client.create("v1/pods", pod("p", containers=[container(**resources)]))
    if problem:
        assert (await refused(attempt, 403)).message == f'pods "p" is forbidden: {problem}'
    else:
        await attempt


async def test_bounds_of_a_pod_count_what_runs_at_once(client: Client):
    """Containers and sidecars add up; an init container that ends before counts only where it asks for more."""
    await limit(client, type="Pod", max={"cpu": "3"})
    asks = {"limits": {"cpu": "1"}}
    init = [{**container("side", **asks), "restartPolicy": "Always"}, container("init", limits={"cpu": "2"})]
    await client.create(
        "v1/pods", pod("fits", containers=[container(**asks), container("d", **asks)], initContainers=init)
    )
    init[1] = container("init", limits={"cpu": "2500m"})
    error = await refused(
        client.create("v1/pods", pod("big", initContainers=init, containers=[container(**asks)])), 403
    )
    assert error.message == 'pods "big" is forbidden: maximum cpu usage per Pod is 3, but limit is 3500m'


async def test_bounds_of_claims(client: Client):
    """Only what a claim requests counts."""
    await limit(client, type="PersistentVolumeClaim", max={"storage": "2Gi"}, min={"storage": "1Gi"})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}
    claim = {"metadata": {"name": "c"}, "spec": spec}
    error = await refused(client.create("v1/persistentvolumeclaims", claim), 403)
    assert error.message == (
        'persistentvolumeclaims "c" is forbidden: '
        "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    )


# --- quotas ---


async def test_a_quota_is_charged_and_then_exceeded(client: Client):
    """Used grows with the write itself, in the spelling of quantities; what does not fit is 403 and leaves nothing."""
    await quota(client, {"pods": "2", "requests.cpu": "1", "memory": "1Gi"})
    asks = container(requests={"cpu": "600m", "memory": "512Mi"})
    await client.create("v1/pods", pod("a", containers=[asks]))
    assert used(client) == {"pods": "1", "requests.cpu": "600m", "memory": "512Mi"}
    error = await refused(client.create("v1/pods", pod("b", containers=[asks])), 403)
    assert error.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, '
        "limited: requests.cpu=1"
    )
    assert used(client) == {"pods": "1", "requests.cpu": "600m", "memory": "512Mi"}
    assert not client.exists("v1/pods", "b")


async def test_what_a_quota_counts_must_be_said(client: Client):
    """Processors and memory of each container."""
    await quota(client, {"limits.cpu": "1", "memory": "1Gi"})
    error = await refused(client.create("v1/pods", pod("p")), 403)
    assert (
        error.message
        == 'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: c; memory for: c'
    )


async def test_a_quota_that_nobody_counted_holds_nothing_up(client: Client):
    """Only status.hard binds; hard without used is refused, since nobody knows."""
    document = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "0"}}}
    await client.create("v1/resourcequotas", document)
    await client.create("v1/configmaps", config_map("a"))
    await client.patch(
        "v1/resourcequotas", "q", {"status": {"hard": {"configmaps": "5"}}}, subresource="status"
    )
    error = await refused(client.create("v1/configmaps", config_map("b")), 403)
    assert error.message == 'configmaps "b" is forbidden: status unknown for quota: q, resources: configmaps'


async def test_writers_at_once_do_not_share_the_last_place(client: Client):
    """Ten creates and a quota of four: four are there, and four are charged."""
    await quota(client, {"count/configmaps": "4"})
    refusals = 0

    async def attempt(number: int) -> None:
        nonlocal refusals
        try:
            await client.create("v1/configmaps", config_map(f"c{number}"))
        except Exception:
            refusals += 1

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(attempt, number)
    assert refusals == 6
    assert len(await client.names("v1/configmaps")) == 4
    assert used(client) == {"count/configmaps": "4"}


async def test_only_what_would_be_stored_is_charged(client: Client):
    """A dry run is checked and not charged; an invalid object and a taken name are not charged."""
    await quota(client, {"pods": "1"})
    await client.create("v1/pods", pod("p"), dry_run=True)
    await refused(client.create("v1/pods", pod("p", restartPolicy="Never", containers=[])), 422)
    assert used(client) == {"pods": "0"}
    await client.create("v1/pods", pod("p"))
    await refused(client.create("v1/pods", pod("p")), 409)
    assert used(client) == {"pods": "1"}
    await refused(client.create("v1/pods", pod("q"), dry_run=True), 403)


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        ({"scopes": ["BestEffort"]}, {}, {"containers": [container(requests={"cpu": "1"})]}),
        ({"scopes": ["NotBestEffort"]}, {"containers": [container(requests={"cpu": "1"})]}, {}),
        ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 5}, {}),
        ({"scopes": ["NotTerminating"]}, {}, {"activeDeadlineSeconds": 5}),
        (
            {"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
            ]}},
            {"priorityClassName": "system-node-critical"},
            {"priorityClassName": "system-cluster-critical"},
        ),
        (
            {"scopes": ["CrossNamespacePodAffinity"]},
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "zone", "namespaces": ["other"]}
            ]}}},
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}},
        ),
    ],
)  # fmt: skip
async def test_a_scope_counts_only_its_pods(
    client: Client, spec: Document, inside: Document, outside: Document
):
    """A quota with a scope says nothing of the others."""
    await quota(client, {"pods": "0"}, **spec)
    await client.create("v1/pods", pod("outside", **outside))
    await refused(client.create("v1/pods", pod("inside", **inside)), 403)


async def test_a_service_that_becomes_larger_is_charged_the_difference(client: Client):
    """Node ports count by intent, when the type changes too."""
    await quota(client, {"services": "1", "services.nodeports": "1"})
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    made = await client.create("v1/services", {"metadata": {"name": "s"}, "spec": {"ports": ports}})
    assert used(client) == {"services": "1", "services.nodeports": "0"}
    made["spec"]["type"] = "NodePort"
    error = await refused(client.put("v1/services", made), 403)
    assert error.message == (
        'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, '
        "limited: services.nodeports=1"
    )
    made["spec"]["ports"] = ports[:1]
    await client.put("v1/services", made)
    assert used(client) == {"services": "1", "services.nodeports": "1"}


async def test_claims_count_by_their_class(client: Client):
    """Storage in all, and of a storage class."""
    gold = "gold.storageclass.storage.k8s.io/requests.storage"
    await quota(client, {"requests.storage": "10Gi", gold: "2Gi"})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    await client.create("v1/persistentvolumeclaims", {"metadata": {"name": "a"}, "spec": spec})
    of_class = {**spec, "storageClassName": "gold"}
    await client.create("v1/persistentvolumeclaims", {"metadata": {"name": "b"}, "spec": of_class})
    assert used(client) == {"requests.storage": "4Gi", gold: "2Gi"}
    await refused(
        client.create("v1/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": of_class}), 403
    )


# --- runtime classes ---


async def test_a_runtime_class_becomes_part_of_the_pod(client: Client):
    """Its overhead, its nodes and its tolerations."""
    toleration = {"key": "sandbox", "operator": "Exists", "effect": "NoSchedule"}
    made = {
        "metadata": {"name": "kata"},
        "handler": "kata",
        "overhead": {"podFixed": {"cpu": "250m"}},
        "scheduling": {"nodeSelector": {"runtime": "kata"}, "tolerations": [toleration]},
    }
    await client.create("node.k8s.io/v1/runtimeclasses", made, namespace="")
    spec = (await client.create("v1/pods", pod("p", runtimeClassName="kata", nodeSelector={"a": "b"})))[
        "spec"
    ]
    assert spec["overhead"] == {"cpu": "250m"}
    assert spec["nodeSelector"] == {"a": "b", "runtime": "kata"}
    assert toleration in spec["tolerations"]
    other = pod("o", runtimeClassName="kata", nodeSelector={"runtime": "runc"})
    error = await refused(client.create("v1/pods", other), 403)
    assert error.message == (
        'pods "o" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[runtime] = kata; '
        "pod.spec.nodeSelector[runtime] = runc"
    )


async def test_a_runtime_class_that_is_not_there(client: Client):
    """The pod is refused, and one that claims an overhead of its own, too."""
    error = await refused(client.create("v1/pods", pod("p", runtimeClassName="none")), 403)
    assert error.message == 'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found'
    await refused(client.create("v1/pods", pod("p", overhead={"cpu": "1"})), 403)
