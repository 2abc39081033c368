"""Subresources that lead out of the server: logs, exec, attach, port-forward and the proxies.

This server has no kubelets behind it and forwards nothing. What kube-apiserver says before it would dial is said here in the same
words (the object is missing, the pod is not on a node, the node has no address); where it would dial, the answer says that
this server does not. Measured on kube-apiserver 1.36.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from watchcache.api import codec, status
from watchcache.api.catalog import Resource
from watchcache.http.exchange import Answering, Exchange
from watchcache.http.messages import Reply
from watchcache.http.query import first, is_true
from watchcache.http.route import Route
from watchcache.http.verbs.service import Service, call_of
from watchcache.registry import Call

Document = dict[str, Any]
Connection = Callable[[Service, Exchange, Route], Reply]

NOT_FORWARDED = "this server does not forward connections"


def connect(service: Service, exchange: Exchange, route: Route) -> Answering:
    """Say what becomes of a connection to the outside. Raises StatusError, but for the log of a pod that is on no node yet."""
    if exchange.info.subresource == "log":
        return _pod_log(service, exchange, route)
    return _connect(service, exchange, route)


async def _connect(service: Service, exchange: Exchange, route: Route) -> Reply:
    call = call_of(exchange, route)
    kind = route.resource.subresources[call.subresource].kind
    head = {"kind": kind, "apiVersion": route.resource.api_version}
    await service.registry.connect(call, head | _OPTIONS[kind](exchange))
    return CONNECTIONS[route.resource.group_resource, call.subresource](service, exchange, route)


def _stream_options(exchange: Exchange) -> Document:
    """Of exec and attach: what is not asked for is left out."""
    query = exchange.query
    stated: Document = {name: True for name in ("stdin", "stdout", "stderr", "tty") if is_true(query, name)}
    container = first(query, "container")
    return stated | ({"container": container} if container else {})


def _command_options(exchange: Exchange) -> Document:
    return _stream_options(exchange) | {"command": exchange.query.get("command")}


def _port_options(exchange: Exchange) -> Document:
    ports = [int(text) for text in exchange.query.get("ports", ()) if text.isdecimal()]
    return {"ports": ports} if ports else {}


def _path_options(exchange: Exchange) -> Document:
    rest = exchange.info.rest
    return {"path": f"/{'/'.join(rest)}"} if rest else {}


_OPTIONS: dict[str, Callable[[Exchange], Document]] = {
    "PodExecOptions": _command_options,
    "PodAttachOptions": _stream_options,
    "PodPortForwardOptions": _port_options,
    "PodProxyOptions": _path_options,
    "ServiceProxyOptions": _path_options,
    "NodeProxyOptions": _path_options,
}


def _pod_log(service: Service, exchange: Exchange, route: Route) -> Reply:
    pod = _object(service, exchange, route)
    _check_container(pod, first(exchange.query, "container"))
    if not _node_name(pod):
        return Reply(204, [], b"")
    raise _beyond(service, exchange, _node_name(pod))


def _pod_stream(service: Service, exchange: Exchange, route: Route) -> Reply:
    """exec, attach, portforward."""
    pod = _object(service, exchange, route)
    if exchange.info.subresource != "portforward":
        _check_container(pod, first(exchange.query, "container"))
    if not _node_name(pod):
        raise status.bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    raise _beyond(service, exchange, _node_name(pod))


def _pod_proxy(service: Service, exchange: Exchange, route: Route) -> Reply:
    pod = _object(service, exchange, route)
    if not (pod.get("status") or {}).get("podIP"):
        raise status.bad_request("address not allowed")
    raise _unreachable()


def _service_proxy(service: Service, exchange: Exchange, route: Route) -> Reply:
    name = _object(service, exchange, route)["metadata"]["name"]
    endpoints = _resource(service, "endpoints")
    call = call_of(exchange, Route(endpoints, "get"))
    call.name, call.subresource = name, ""
    try:
        subsets = _read(service, call).get("subsets") or []
    except status.StatusError:
        subsets = []
    if not any(subset.get("addresses") for subset in subsets):
        raise status.service_unavailable(f'no endpoints available for service "{exchange.info.name}"')
    raise _unreachable()


def _node_proxy(service: Service, exchange: Exchange, route: Route) -> Reply:
    node = _object(service, exchange, route)
    raise _beyond(service, exchange, node["metadata"]["name"])


CONNECTIONS: dict[tuple[str, str], Connection] = {
    ("pods", "log"): _pod_log,
    ("pods", "exec"): _pod_stream,
    ("pods", "attach"): _pod_stream,
    ("pods", "portforward"): _pod_stream,
    ("pods", "proxy"): _pod_proxy,
    ("services", "proxy"): _service_proxy,
    ("nodes", "proxy"): _node_proxy,
}


def _unreachable() -> status.StatusError:
    return status.service_unavailable(f"error trying to reach service: {NOT_FORWARDED}")


def _beyond(service: Service, exchange: Exchange, node_name: str) -> status.StatusError:
    """What stands between the server and a node's kubelet."""
    call = call_of(exchange, Route(_resource(service, "nodes"), "get"))
    call.name, call.namespace, call.subresource = node_name, "", ""
    addresses = (_read(service, call).get("status") or {}).get("addresses") or []
    if not addresses:
        return status.untyped("no preferred addresses found; known addresses: []")
    return status.untyped(f"error dialing backend: {NOT_FORWARDED}")


def _object(service: Service, exchange: Exchange, route: Route) -> Document:
    """The object that the path names; a proxy's name may have a scheme before and a port behind it."""
    call = call_of(exchange, Route(route.resource, "get"))
    call.subresource = ""
    if exchange.info.subresource == "proxy":
        call.name = bare_name(call.name)
    return _read(service, call)


def bare_name(name: str) -> str:
    """`https:web:443` and `web:443` as `web`."""
    parts = name.split(":")
    return parts[1] if len(parts) == 3 else parts[0]


def _read(service: Service, call: Call) -> Document:
    outcome = service.registry.get_nowait(call)
    assert outcome.value is not None
    return codec.document_of(outcome.value, call.resource)


def _resource(service: Service, plural: str) -> Resource:
    resource = service.catalog.find("", "v1", plural)
    assert resource is not None
    return resource


def _node_name(pod: Document) -> str:
    name: str = (pod.get("spec") or {}).get("nodeName") or ""
    return name


def _check_container(pod: Document, asked: str) -> None:
    """Refuse a container that the pod does not have, and a question without one where there are several."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    containers = [container["name"] for container in spec.get("containers") or ()]
    others = [c["name"] for field in ("initContainers", "ephemeralContainers") for c in spec.get(field) or ()]
    if asked and asked not in (*containers, *others):
        raise status.bad_request(f"container {asked} is not valid for pod {name}")
    annotations = pod["metadata"].get("annotations") or {}
    if (
        not asked
        and len(containers) > 1
        and annotations.get("kubectl.kubernetes.io/default-container") not in containers
    ):
        choices = f"choose one of: [{' '.join(containers)}]"
        raise status.bad_request(f"a container name must be specified for pod {name}, {choices}")
