"""Paths below objects, reviews, services and namespaces."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.registry.conftest import Restart
from tests.registry.scene import ADMIN, Client, Document, config_map, deployment, pod, refused


async def test_the_scale_is_a_document_of_its_own(client: Client):
    """Golden 109 and 110: metadata of the workload, replicas, and its selector as text."""
    made = await client.create("apps/v1/deployments", deployment("d"))
    scale = client.get("apps/v1/deployments", "d", subresource="scale")
    shown = {
        name: made["metadata"][name]
        for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    assert scale == {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": shown,
        "spec": {"replicas": 1},
        "status": {"replicas": 0, "selector": "a=b"},
    }
    scale["spec"]["replicas"] = 4
    await client.put("apps/v1/deployments", scale, subresource="scale")
    assert client.get("apps/v1/deployments", "d")["spec"]["replicas"] == 4
    error = await refused(client.put("apps/v1/deployments", scale, subresource="scale"), 409)
    assert error.message.startswith('Operation cannot be fulfilled on deployments.apps "d"')


async def test_a_scale_of_another_object_is_a_conflict(client: Client):
    """The uid in a scale is a precondition: the storage's of a PUT, the scale's own of a patch."""
    held = (await client.create("apps/v1/deployments", deployment("d")))["metadata"]["uid"]
    said = f"Precondition failed: UID in precondition: zz, UID in object meta: {held}"
    scale = {"metadata": {"name": "d", "uid": "zz"}, "spec": {"replicas": 3}}
    error = await refused(client.put("apps/v1/deployments", scale, subresource="scale"), 409)
    assert error.message.endswith(
        f"Key: /registry/deployments/default/d, ResourceVersion: 0, AdditionalErrorMsg: {said}"
    )
    change = {"metadata": {"uid": "zz"}, "spec": {"replicas": 3}}
    error = await refused(client.patch("apps/v1/deployments", "d", change, subresource="scale"), 409)
    assert error.message == f'Operation cannot be fulfilled on deployments/scale.apps "d": {said}'
    assert client.get("apps/v1/deployments", "d")["spec"]["replicas"] == 1


async def test_a_negative_scale_is_invalid(client: Client):
    """422 in the name of the Scale."""
    await client.create("apps/v1/deployments", deployment("d"))
    error = await refused(
        client.patch("apps/v1/deployments", "d", {"spec": {"replicas": -3}}, subresource="scale"), 422
    )
    assert (
        error.message
        == 'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -3: must be greater than or equal to 0'
    )


async def test_a_pod_is_bound_once(client: Client):
    """Golden 120-122: the node, the condition, no new generation; the second binding is a conflict."""
    await client.create("v1/pods", pod("p"))
    binding = {"metadata": {"name": "p", "labels": {"l": "m"}}, "target": {"kind": "Node", "name": "n1"}}
    answer = await client.create("v1/pods", binding, name="p", subresource="binding")
    assert answer == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    bound = client.get("v1/pods", "p")
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["metadata"]["labels"] == {"l": "m"}
    assert bound["metadata"]["generation"] == 1
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    error = await refused(client.create("v1/bindings", binding), 409)
    assert (
        error.message
        == 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'
    )


async def test_a_binding_settles_what_the_scheduler_noted(client: Client):
    """The nominated node and the reason why the pod could not be scheduled are gone."""
    await client.create("v1/pods", pod("p"))
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    status = {"nominatedNodeName": "n1", "conditions": [waits]}
    await client.patch("v1/pods", "p", {"status": status}, subresource="status")
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await client.create("v1/pods", binding, name="p", subresource="binding")
    state = client.get("v1/pods", "p")["status"]
    assert "nominatedNodeName" not in state
    [scheduled] = state["conditions"]
    assert scheduled["status"] == "True"
    assert not scheduled.keys() & {"reason", "message"}


ZONED = {"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r"}


async def test_a_pod_takes_over_where_its_node_is(client: Client):
    """Zone and region of the node become the pod's labels, whatever it said; other labels of the node do not."""
    await client.create("v1/nodes", {"metadata": {"name": "n1", "labels": {**ZONED, "disk": "fast"}}}, "")
    waiting = pod("p")
    waiting["metadata"]["labels"] = {"app": "a", "topology.kubernetes.io/zone": "mine"}
    await client.create("v1/pods", waiting)
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await client.create("v1/pods", binding, name="p", subresource="binding")
    assert client.get("v1/pods", "p")["metadata"]["labels"] == {"app": "a", **ZONED}
    placed = await client.create("v1/pods", pod("q", nodeName="n1"))
    assert placed["metadata"]["labels"] == ZONED
    assert "labels" not in (await client.create("v1/pods", pod("r", nodeName="nowhere")))["metadata"]


@pytest.mark.parametrize(
    ("binding", "code", "message"),
    [
        ({"target": {"name": "n"}}, 400, "name in URL does not match name in Binding object"),
        ({"metadata": {"name": "p"}, "target": {"kind": "Node"}}, 500, "target.name: Required value"),
        ({"metadata": {"name": "p"}, "target": {"kind": "X", "name": "n"}}, 500, 'target.kind: Unsupported value: "X": supported values: "Node", "<empty>"'),
    ],
)  # fmt: skip
async def test_bad_bindings(client: Client, binding: Document, code: int, message: str):
    """What a binding must say, in kube-apiserver's words."""
    await client.create("v1/pods", pod("p"))
    error = await refused(client.create("v1/pods", binding, name="p", subresource="binding"), code)
    assert error.message == message


async def _budget(client: Client, policy: str | None = None, ready: str = "True", **status: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    await client.create("policy/v1/poddisruptionbudgets", {"metadata": {"name": "b"}, "spec": spec})
    if status:
        await client.patch("policy/v1/poddisruptionbudgets", "b", {"status": status}, subresource="status")
    running = pod("p", nodeName="n1")
    running["metadata"]["labels"] = {"a": "b"}
    await client.create("v1/pods", running)
    state = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    await client.patch("v1/pods", "p", {"status": state}, subresource="status")


@pytest.mark.parametrize(
    ("policy", "healthy", "evicted"),
    [("AlwaysAllow", 0, True), ("IfHealthyBudget", 1, True), ("IfHealthyBudget", 0, False), (None, 1, True)],
)
async def test_an_unready_pod_takes_nothing_from_its_budget(
    client: Client, policy: str | None, healthy: int, evicted: bool
):
    """It may go when the budget says so, or when enough others are healthy: a drain does not hang on it."""
    counts = {"observedGeneration": 1, "desiredHealthy": 1, "currentHealthy": healthy}
    await _budget(client, policy, ready="False", **counts)
    attempt = client.create("v1/pods", {"metadata": {"name": "p"}}, name="p", subresource="eviction")
    if not evicted:
        await refused(attempt, 429)
        return
    await attempt
    assert "deletionTimestamp" in client.get("v1/pods", "p")["metadata"]
    assert "disruptedPods" not in client.get("policy/v1/poddisruptionbudgets", "b")["status"]


async def test_an_eviction_spends_the_budget(client: Client):
    """One disruption is taken, the pod marked and deleted with the grace that was asked for."""
    await _budget(client, observedGeneration=1, disruptionsAllowed=1)
    eviction = {"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 7}}
    await client.create("v1/pods", eviction, name="p", subresource="eviction")
    budget = client.get("policy/v1/poddisruptionbudgets", "b")
    assert budget["status"]["disruptionsAllowed"] == 0
    assert "p" in budget["status"]["disruptedPods"]
    evicted = client.get("v1/pods", "p")
    assert evicted["metadata"]["deletionGracePeriodSeconds"] == 7
    assert evicted["status"]["conditions"][-1]["reason"] == "EvictionByEvictionAPI"


@pytest.mark.parametrize(
    ("status", "message", "retry"),
    [
        ({}, "The disruption budget b is still being processed by the server.", 10),
        (
            {"observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1},
            "The disruption budget b needs 1 healthy pods and has 1 currently",
            None,
        ),
    ],
)
async def test_an_eviction_without_budget_is_refused(
    client: Client, status: dict[str, int], message: str, retry: int | None
):
    """429 with the cause; the pod stays."""
    await _budget(client, **status)
    error = await refused(
        client.create("v1/pods", {"metadata": {"name": "p"}}, name="p", subresource="eviction"), 429
    )
    assert error.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert error.details["causes"] == [{"reason": "DisruptionBudget", "message": message}]
    assert error.details.get("retryAfterSeconds") == retry
    assert "deletionTimestamp" not in client.get("v1/pods", "p")["metadata"]


async def test_a_dry_run_of_an_eviction_is_asked_for_in_its_options(client: Client):
    """As `kubectl drain --dry-run=server` does: the pod is neither deleted nor marked."""
    made = await client.create("v1/pods", pod("p", nodeName="n"))
    eviction = {"metadata": {"name": "p"}, "deleteOptions": {"dryRun": ["All"]}}
    await client.create("v1/pods", eviction, name="p", subresource="eviction")
    assert client.get("v1/pods", "p") == made


async def test_an_eviction_may_name_the_revision_of_its_pod(client: Client):
    """A pod that has changed stays as it is; one that has not goes, though the eviction itself writes to it before."""
    revision = (await client.create("v1/pods", pod("p", nodeName="n")))["metadata"]["resourceVersion"]
    changed = await client.patch("v1/pods", "p", {"metadata": {"labels": {"a": "b"}}})
    for known, code in ((revision, 409), (changed["metadata"]["resourceVersion"], 201)):
        eviction = {
            "metadata": {"name": "p"},
            "deleteOptions": {"preconditions": {"resourceVersion": known}},
        }
        attempt = client.create("v1/pods", eviction, name="p", subresource="eviction")
        if code == 201:
            await attempt
        else:
            await refused(attempt, code)
            assert client.get("v1/pods", "p") == changed
    assert "deletionTimestamp" in client.get("v1/pods", "p")["metadata"]


@pytest.mark.parametrize("phase", ["Succeeded", "Pending"])
async def test_an_eviction_marks_every_pod(client: Client, phase: str):
    """Also one that no budget counts."""
    await client.create("v1/pods", {**pod("p"), "metadata": {"name": "p", "finalizers": ["e.com/f"]}})
    await client.patch("v1/pods", "p", {"status": {"phase": phase}}, subresource="status")
    await client.delete("v1/pods", "p")
    await client.create("v1/pods", {"metadata": {"name": "p"}}, name="p", subresource="eviction")
    conditions = client.get("v1/pods", "p")["status"]["conditions"]
    assert [each["type"] for each in conditions] == ["DisruptionTarget"]


async def test_ephemeral_containers_and_resize_change_only_their_part(client: Client):
    """The generation moves, the rest of the spec stays."""
    made = pod("p")
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "500m"}}
    await client.create("v1/pods", made)
    patch = {"spec": {"ephemeralContainers": [{"name": "dbg", "image": "b"}], "nodeName": "zz"}}
    made = await client.patch(
        "v1/pods", "p", patch, kind="strategic-merge", subresource="ephemeralcontainers"
    )
    assert [each["name"] for each in made["spec"]["ephemeralContainers"]] == ["dbg"]
    assert "nodeName" not in made["spec"]
    assert made["metadata"]["generation"] == 2
    resize = {
        "spec": {"containers": [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "1"}}}]}
    }
    made = await client.patch("v1/pods", "p", resize, kind="strategic-merge", subresource="resize")
    assert made["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "1"}}
    assert made["spec"]["containers"][0]["image"] == "nginx"


async def test_access_reviews_ask_the_authorizer(client: Client):
    """Golden 158; without attributes 422."""
    path = "authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"resource": "pods", "verb": "get"}}
    answer = await client.create(path, {"spec": spec}, namespace="")
    assert answer["status"] == {"allowed": True}
    assert answer["spec"] == spec
    error = await refused(client.create(path, {"spec": {}}, namespace=""), 422)
    assert "exactly one of nonResourceAttributes or resourceAttributes must be specified" in error.message


async def test_who_am_i(client: Client):
    """Golden 159."""
    answer = await client.create("authentication.k8s.io/v1/selfsubjectreviews", {}, namespace="")
    assert answer["status"]["userInfo"] == {"username": "admin", "uid": "admin", "groups": list(ADMIN.groups)}


async def test_token_reviews_ask_the_authenticator(client: Client):
    """An unknown token is not authenticated; none is 400."""
    path = "authentication.k8s.io/v1/tokenreviews"
    answer = await client.create(path, {"spec": {"token": "bad"}}, namespace="")
    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}
    await refused(client.create(path, {"spec": {}}, namespace=""), 400)


def service(name: str, **spec: object) -> Document:
    """A service with one port."""
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_a_service_gets_an_address_and_keeps_it(client: Client):
    """Golden 4: address, families, policy; a PUT of the manifest changes nothing."""
    made = await client.create("v1/services", service("s"))
    spec = made["spec"]
    assert spec["clusterIP"].startswith("10.0.0.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert await client.put("v1/services", service("s")) == made


async def test_addresses_are_taken_and_given_back(client: Client):
    """A taken address is 422, one outside the range too; a deleted service's is free again."""
    await client.create("v1/services", service("a", clusterIP="10.0.0.77"))
    error = await refused(client.create("v1/services", service("b", clusterIP="10.0.0.77")), 422)
    assert error.message.endswith("failed to allocate IP 10.0.0.77: provided IP is already allocated")
    error = await refused(client.create("v1/services", service("b", clusterIP="10.1.0.77")), 422)
    assert error.message.endswith(
        "failed to allocate IP 10.1.0.77: the provided network does not match the current range"
    )
    await client.delete("v1/services", "a")
    await client.create("v1/services", service("b", clusterIP="10.0.0.77"))


async def test_addresses_of_racing_services_differ(client: Client):
    """Nobody is given an address that another is about to store."""
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(client.create, "v1/services", service(f"s{number}"))
    found = [each["spec"]["clusterIP"] for each in await client.list("v1/services")]
    assert len(set(found)) == len(found) == 101


async def test_a_full_range_is_said(client: Client):
    """500 when no address is left, in kube-apiserver's words."""
    async with trio.open_nursery() as nursery:
        for number in range(253):
            nursery.start_soon(client.create, "v1/services", service(f"s{number}"))
    error = await refused(client.create("v1/services", service("more")), 500)
    assert error.message == (
        'Internal error occurred: failed to allocate a serviceIP for Service "more": range is full'
    )


async def test_node_ports(client: Client):
    """Golden 6: one for each port number, shared by protocols; wishes are honoured or refused."""
    ports = [{"port": 80, "name": "a"}, {"port": 80, "name": "b", "protocol": "UDP"}]
    made = await client.create("v1/services", service("n", type="NodePort", ports=ports))
    first, second = (port["nodePort"] for port in made["spec"]["ports"])
    assert first == second
    assert 30000 <= first <= 32767
    taken = service("m", type="NodePort", ports=[{"port": 80, "nodePort": first}])
    error = await refused(client.create("v1/services", taken), 422)
    assert (
        error.message
        == f'Service "m" is invalid: spec.ports[0].nodePort: Invalid value: {first}: provided port is already allocated'
    )
    plain = await client.put("v1/services", service("n", ports=ports))
    assert "nodePort" not in plain["spec"]["ports"][0]


async def test_the_type_of_a_service_changes(client: Client):
    """To ExternalName the address goes, back it gets another."""
    await client.create("v1/services", service("s"))
    external = await client.patch(
        "v1/services", "s", {"spec": {"type": "ExternalName", "externalName": "x.y"}}
    )
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & external["spec"].keys()
    back = await client.patch("v1/services", "s", {"spec": {"type": "ClusterIP", "externalName": None}})
    assert back["spec"]["clusterIP"]


async def test_the_external_addresses_of_a_service_go(client: Client):
    """What only services have that can be reached from outside goes with them, though the client sends it back."""
    document = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "externalIPs": ["1.2.3.4"]}}
    made = await client.create("v1/services", document)
    assert made["spec"]["externalTrafficPolicy"] == "Cluster"
    del made["spec"]["externalIPs"]
    changed = await client.put("v1/services", made)
    assert "externalTrafficPolicy" not in changed["spec"]


async def test_headless_services(client: Client):
    """Golden 5: no address; without a selector both families."""
    made = await client.create("v1/services", service("h", clusterIP="None"))
    assert made["spec"]["clusterIPs"] == ["None"]
    assert (made["spec"]["ipFamilies"], made["spec"]["ipFamilyPolicy"]) == (
        ["IPv4", "IPv6"],
        "RequireDualStack",
    )


async def test_a_namespace_goes_with_all_that_is_in_it(client: Client):
    """The controller empties it and lets go; its name can be used again."""
    for name in ("x", "y"):
        await client.create("v1/namespaces", {"metadata": {"name": name}}, namespace="")
        await client.create("v1/configmaps", config_map("a"), namespace=name)
        await client.create("v1/pods", pod("p", nodeName="gone"), namespace=name)
    marked = await client.delete("v1/namespaces", "x", namespace="")
    assert marked["status"] == {"phase": "Terminating"}
    assert "deletionGracePeriodSeconds" not in marked["metadata"]
    await trio.testing.wait_all_tasks_blocked()
    assert not client.exists("v1/namespaces", "x", namespace="")
    assert not client.exists("v1/configmaps", "a", namespace="x")
    assert client.exists("v1/pods", "p", namespace="y")
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")


async def test_what_is_held_holds_its_namespace(client: Client):
    """A finalizer keeps it Terminating until it is taken away."""
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")
    await client.create("v1/configmaps", config_map("a", finalizers=["e.com/f"]), namespace="x")
    await client.delete("v1/namespaces", "x", namespace="")
    await trio.testing.wait_all_tasks_blocked()
    assert client.exists("v1/namespaces", "x", namespace="")
    await client.patch("v1/configmaps", "a", {"metadata": {"finalizers": None}}, namespace="x")
    await trio.testing.wait_all_tasks_blocked()
    assert not client.exists("v1/namespaces", "x", namespace="")


async def test_pods_of_a_namespace_go_first(client: Client):
    """While one is left, what it may rely on stays."""
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")
    await client.create("v1/configmaps", config_map("a"), namespace="x")
    held = pod("p")
    held["metadata"]["finalizers"] = ["e.com/f"]
    await client.create("v1/pods", held, namespace="x")
    await client.delete("v1/namespaces", "x", namespace="")
    await trio.testing.wait_all_tasks_blocked()
    assert "deletionTimestamp" in client.get("v1/pods", "p", namespace="x")["metadata"]
    assert "deletionTimestamp" not in client.get("v1/configmaps", "a", namespace="x")["metadata"]
    await client.patch("v1/pods", "p", {"metadata": {"finalizers": None}}, namespace="x")
    await trio.testing.wait_all_tasks_blocked()
    assert not client.exists("v1/configmaps", "a", namespace="x")
    assert not client.exists("v1/namespaces", "x", namespace="")


async def test_finalize_sets_the_finalizers_of_a_namespace(client: Client):
    """Only through its own path; emptied in a deleted namespace it removes it."""
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")
    sent = {"metadata": {"name": "x"}, "spec": {"finalizers": ["a.com/b"]}}
    assert (await client.put("v1/namespaces", sent, namespace=""))["spec"] == {"finalizers": ["kubernetes"]}
    made = await client.put("v1/namespaces", sent, namespace="", subresource="finalize")
    assert made["spec"] == {"finalizers": ["a.com/b"]}
    await client.delete("v1/namespaces", "x", namespace="")
    await client.put("v1/namespaces", {"metadata": {"name": "x"}}, namespace="", subresource="finalize")
    assert not client.exists("v1/namespaces", "x", namespace="")


async def test_events_expire(autojump_clock: MockClock, client: Client):
    """After the ttl since their last write; a write begins it anew."""
    for name in ("a", "b"):
        await client.create(
            "v1/events", {"metadata": {"name": name}, "involvedObject": {"namespace": "default"}}
        )
    await trio.sleep(40)
    await client.patch("v1/events", "b", {"count": 2})
    await trio.sleep(30)
    assert await client.names("v1/events") == ["b"]
    await trio.sleep(31)
    assert await client.names("v1/events") == []


async def test_a_fresh_server_has_the_standard_objects(client: Client):
    """Namespaces, the service of the server and its endpoints, the system priority classes."""
    expected = ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert await client.names("v1/namespaces", namespace="") == expected
    assert client.get("v1/services", "kubernetes")["spec"]["clusterIP"] == "10.0.0.1"
    address = client.get("v1/endpoints", "kubernetes")["subsets"][0]["addresses"]
    assert address == [{"ip": "127.0.0.1"}]
    slices = client.get("discovery.k8s.io/v1/endpointslices", "kubernetes")
    assert slices["endpoints"] == [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]


async def test_the_standard_objects_are_made_once(client: Client, restarted: Restart):
    """A second start writes nothing."""
    before = client.log.revision
    await restarted()
    assert client.log.revision == before


async def test_addresses_are_known_after_a_restart(client: Client, restarted: Restart):
    """What stored services hold is not given again."""
    await client.create("v1/services", service("a", clusterIP="10.0.0.77"))
    again = await restarted()
    error = await refused(again.create("v1/services", service("b", clusterIP="10.0.0.77")), 422)
    assert "already allocated" in error.message


async def test_events_expire_after_a_restart(autojump_clock: MockClock, client: Client, restarted: Restart):
    """By their creation, when nothing else is known of them; the namespace they are in is known, too."""
    await client.create("v1/events", {"metadata": {"name": "a"}, "involvedObject": {"namespace": "default"}})
    await trio.sleep(40)
    again = await restarted()
    await again.create("v1/events", {"metadata": {"name": "b"}, "involvedObject": {"namespace": "default"}})
    await trio.sleep(30)
    assert await again.names("v1/events") == ["b"]


async def test_an_interrupted_namespace_deletion_goes_on_after_a_restart(client: Client, restarted: Restart):
    """A namespace found Terminating is emptied."""
    await client.create("v1/namespaces", {"metadata": {"name": "x"}}, namespace="")
    await client.create("v1/configmaps", config_map("a", finalizers=["e.com/f"]), namespace="x")
    await client.delete("v1/namespaces", "x", namespace="")
    again = await restarted()
    await again.patch("v1/configmaps", "a", {"metadata": {"finalizers": None}}, namespace="x")
    await trio.testing.wait_all_tasks_blocked()
    assert not again.exists("v1/namespaces", "x", namespace="")
