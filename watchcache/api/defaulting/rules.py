"""Defaults that depend on other fields: for each type a function that changes a value of it in place.

Source: the answers of kube-apiserver 1.36 to objects that set some of the fields. Literals have been set before a rule runs,
inner types have not.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator
from typing import Any, Final

from watchcache.api.amounts import is_for_pods, of_containers, texts
from watchcache.api.defaulting.images import pull_policy

Value = dict[str, Any]

_RBAC_GROUP: Final = "rbac.authorization.k8s.io"
_CLIENT_IP_TIMEOUT: Final = 10800
_NO_LIMIT: Final = 2**31 - 1


def _pod(pod: Value) -> None:
    spec: Value = pod["spec"]
    spec.setdefault("enableServiceLinks", True)
    for container in _containers(spec):
        _request_limits(container["resources"])
    if "resources" in spec:
        _ask_for_all(spec, spec["resources"])


def _ask_for_all(spec: Value, resources: Value) -> None:
    """What a pod does not say of its containers' needs, where it says something: their huge pages, and what they request together."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if limits or requests:
        for name, limit in of_containers(spec, "limits").items():
            if name.startswith("hugepages-") and name not in requests:
                limits.setdefault(name, limit.text)
    if limits:
        resources["limits"] = limits
        together = texts(of_containers(spec, "requests"))
        of_nodes = {name: text for name, text in together.items() if name in {"cpu", "memory"}}
        for name, text in [*of_nodes.items(), *limits.items()]:
            if is_for_pods(name):
                requests.setdefault(name, text)
        if requests:
            resources["requests"] = requests


def _request_limits(resources: Value) -> None:
    """What is limited and not requested is requested in full."""
    limits = resources.get("limits")
    if limits:
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _containers(spec: Value) -> Iterator[Value]:
    yield from spec.get("containers") or ()
    yield from spec.get("initContainers", ())


def _pod_spec(spec: Value) -> None:
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:  # the old name is kept beside the new one
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if spec.get("hostNetwork"):
        for container in _containers(spec):
            for port in container.get("ports", ()):
                port.setdefault("hostPort", port["containerPort"])


def _container(container: Value) -> None:
    container.setdefault("imagePullPolicy", pull_policy(container.get("image", "")))


def _image_volume(source: Value) -> None:
    source.setdefault("pullPolicy", pull_policy(source.get("reference", "")))


def _volume(volume: Value) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}


def _service(spec: Value) -> None:
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", _CLIENT_IP_TIMEOUT)
    elif spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    kind = spec["type"]
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs")):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _service_port(port: Value) -> None:
    if port["targetPort"] in (0, ""):
        port["targetPort"] = port["port"]


def _load_balancer_ingress(ingress: Value) -> None:
    if "ip" in ingress:
        ingress.setdefault("ipMode", "VIP")


def _secret(secret: Value) -> None:
    """`stringData` is only for writing: it goes into `data`, over what is there."""
    texts = secret.pop("stringData", None)
    if texts:
        encoded = {
            key: binascii.b2a_base64(text.encode(), newline=False).decode() for key, text in texts.items()
        }
        secret["data"] = {**secret.get("data", {}), **encoded}


def _persistent_volume(volume: Value) -> None:
    """Of volumes only: what an attachment describes itself has none of this."""
    spec = volume["spec"]
    spec["persistentVolumeReclaimPolicy"] = spec.get("persistentVolumeReclaimPolicy") or "Retain"
    spec.setdefault("volumeMode", "Filesystem")


def _namespace(namespace: Value) -> None:
    name = namespace["metadata"].get("name")
    if name:
        namespace["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _node_status(status: Value) -> None:
    if "capacity" in status and "allocatable" not in status:
        status["allocatable"] = dict(status["capacity"])


def _pod_status(status: Value) -> None:
    _first_of_many(
        status, "podIP", "podIPs", lambda address: {"ip": address}, lambda entry: entry.get("ip", "")
    )


def _node_spec(spec: Value) -> None:
    _first_of_many(spec, "podCIDR", "podCIDRs", lambda block: block, lambda block: block)


def _first_of_many(
    value: Value, one: str, many: str, entry: Callable[[str], Any], text: Callable[[Any], str]
) -> None:
    """A field that became a list: the old one says what the first of the list is, and replaces a list that says otherwise."""
    first, entries = value.get(one), value.get(many)
    if first and (not entries or text(entries[0]) != first):
        value[many] = [entry(first)]
    elif entries and not first and text(entries[0]):
        value[one] = text(entries[0])


def _limit_range_item(item: Value) -> None:
    if item["type"] != "Container":
        return
    limits = {**item.get("max", {}), **item.get("default", {})}
    requests = {**item.get("min", {}), **limits, **item.get("defaultRequest", {})}
    for field, amounts in (("default", limits), ("defaultRequest", requests)):
        if amounts:
            item[field] = amounts


def _replication_controller(controller: Value) -> None:
    template = controller["spec"].get("template") or {}
    labels = template.get("metadata", {}).get("labels")
    if labels:
        controller["metadata"].setdefault("labels", dict(labels))
        controller["spec"].setdefault("selector", dict(labels))


def _rolling_update(strategy: Value) -> None:
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {})


def _stateful_set_update(strategy: Value) -> None:
    """Only a strategy that was not named gets its parameters."""
    if "type" not in strategy:
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})


def _stateful_set(spec: Value) -> None:
    for claim in spec.get("volumeClaimTemplates", ()):
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")


def _job(job: Value) -> None:
    spec: Value = job["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", _NO_LIMIT if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    labels = spec["template"]["metadata"].get("labels")
    if labels:
        job["metadata"].setdefault("labels", dict(labels))


def _autoscaler_v1(autoscaler: Value) -> None:
    """Without any metric the target is 80 % CPU; metrics that v1 has no field for stand in an annotation."""
    annotations = autoscaler["metadata"].get("annotations", {})
    if "autoscaling.alpha.kubernetes.io/metrics" not in annotations:
        autoscaler["spec"].setdefault("targetCPUUtilizationPercentage", 80)


def _scaling(behavior: Value) -> None:
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    up = behavior.setdefault("scaleUp", {})
    up.setdefault("stabilizationWindowSeconds", 0)
    _scaling_rules(up, [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent])
    _scaling_rules(behavior.setdefault("scaleDown", {}), [dict(percent)])


def _scaling_rules(rules: Value, policies: list[Value]) -> None:
    rules.setdefault("selectPolicy", "Max")
    if not rules.get("policies"):
        rules["policies"] = policies


def _network_policy(spec: Value) -> None:
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _subject(subject: Value) -> None:
    if subject["kind"] in ("User", "Group"):
        subject.setdefault("apiGroup", _RBAC_GROUP)


def _definition_names(names: Value) -> None:
    if names["kind"]:
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")


def _device_request(request: Value) -> None:
    if request["allocationMode"] == "ExactCount":
        request.setdefault("count", 1)


RULES: Final[dict[str, Callable[[Value], None]]] = {
    "core.v1.Pod": _pod,
    "core.v1.PodSpec": _pod_spec,
    "core.v1.Container": _container,
    "core.v1.EphemeralContainer": _container,
    "core.v1.ImageVolumeSource": _image_volume,
    "core.v1.Volume": _volume,
    "core.v1.ServiceSpec": _service,
    "core.v1.ServicePort": _service_port,
    "core.v1.LoadBalancerIngress": _load_balancer_ingress,
    "core.v1.Secret": _secret,
    "core.v1.PersistentVolume": _persistent_volume,
    "core.v1.Namespace": _namespace,
    "core.v1.PodStatus": _pod_status,
    "core.v1.NodeSpec": _node_spec,
    "core.v1.NodeStatus": _node_status,
    "core.v1.LimitRangeItem": _limit_range_item,
    "core.v1.ReplicationController": _replication_controller,
    "apps.v1.DeploymentStrategy": _rolling_update,
    "apps.v1.DaemonSetUpdateStrategy": _rolling_update,
    "apps.v1.StatefulSetUpdateStrategy": _stateful_set_update,
    "apps.v1.StatefulSetSpec": _stateful_set,
    "batch.v1.Job": _job,
    "autoscaling.v1.HorizontalPodAutoscaler": _autoscaler_v1,
    "autoscaling.v2.HorizontalPodAutoscalerBehavior": _scaling,
    "networking.v1.NetworkPolicySpec": _network_policy,
    "rbac.v1.Subject": _subject,
    "apiextensions.v1.CustomResourceDefinitionNames": _definition_names,
    "resource.v1.ExactDeviceRequest": _device_request,
    "resource.v1.DeviceSubRequest": _device_request,
}
