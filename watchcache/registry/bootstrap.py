"""What a fresh server holds before anyone has written: the objects that clients expect to find.

The same as a fresh kube-apiserver 1.36 has, as far as its parts are here: namespaces, the service
`default/kubernetes` with its endpoints, the service range, the two system priority classes, the day from which
uses of tokens in secrets are known. Existing objects are left alone; only the endpoints follow the address that
the server is reached at.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

import msgspec
import trio

from watchcache.api.status import StatusError
from watchcache.api.user import UserInfo
from watchcache.registry.calls import Call, Document
from watchcache.registry.create import create
from watchcache.registry.deletion import timestamp
from watchcache.registry.store import Store
from watchcache.registry.update import update

_logger = logging.getLogger(__name__)
USER: Final = UserInfo("system:apiserver", groups=("system:masters",))
NAMESPACES: Final = ("kube-system", "kube-public", "kube-node-lease", "default")

FIRST_SERVICE_SECONDS: Final = 75
"""How long another server may take from the address of default/kubernetes to the service; after 60 s the address counts as left behind."""

REQUEST_HEADERS: Final = {
    "requestheader-allowed-names": '["front-proxy-client"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-username-headers": '["X-Remote-User"]',
}
"""Kubernetes' usual names of the headers in which a proxy says whom it speaks for."""


class Address(msgspec.Struct, frozen=True):
    """Where the server is reached, and the ranges it gives services addresses from."""

    host: str
    port: int
    service_ranges: tuple[str, ...]


async def bootstrap(store: Store, address: Address) -> None:
    """Create what is missing and bring the endpoints up to date."""
    for document in standard_objects(address, store.clock()):
        await ensure(store, document)
    for document in endpoints(address):
        await ensure(store, document, refresh=True)


async def ensure(store: Store, document: Document, *, refresh: bool = False) -> None:
    """Have an object: create it, and with `refresh` replace what is there if it differs."""
    group, _, version = document["apiVersion"].rpartition("/")
    resource = store.catalog.of_kind(group, version, document["kind"])
    if resource is None:
        raise ValueError(f"no kind {document['kind']} in {document['apiVersion']}")
    metadata = document["metadata"]
    call = Call(resource, USER, "create", metadata.get("namespace", ""), metadata["name"])
    if store.log_of(call.key).head(call.key) is None:
        await _create(store, call, document)
    elif refresh:
        await update(store, call, document)
    status = document.get("status")
    if status and resource.has_status:
        await _ensure_status(store, call, document)


async def _create(store: Store, call: Call, document: Document) -> None:
    for left in reversed(range(FIRST_SERVICE_SECONDS)):
        try:
            await create(store, call, document)
        except StatusError as error:
            if error.reason == "AlreadyExists":
                return
            if store.ledger is None or error.reason != "Invalid" or not left:
                raise
            # A kube-apiserver has the address and is about to make the service, or died in between.
            if left == FIRST_SERVICE_SECONDS - 1:
                _logger.warning("waiting for what another server begins to make: %s", error)
            await trio.sleep(1)
            await store.ledger.tidy()
        else:
            return


async def _ensure_status(store: Store, call: Call, document: Document) -> None:
    """Write a status if the object has none yet."""
    head = store.log_of(call.key).head(call.key)
    if head is not None and not store.document(call.resource, head.value).get("status"):
        call.subresource = "status"
        await update(store, call, document)


def standard_objects(address: Address, now: float) -> Iterator[Document]:
    """Everything but the endpoints, in the order it has to be created."""
    for name in NAMESPACES:
        yield {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    yield _service_range(address, now)
    yield _priority_class(
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    )
    yield _priority_class(
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    )
    yield _service(address)
    yield _token_tracking(now)


def _token_tracking(now: float) -> Document:
    """kube-controller-manager's cleaner of unused tokens asks for it."""
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": "kube-apiserver-legacy-service-account-token-tracking",
            "namespace": "kube-system",
        },
        "data": {"since": timestamp(now)[:10]},
    }


def authentication(client_ca: str, proxy_ca: str) -> Document:
    """Where the cluster's other servers find whom to believe: the CAs (PEM) of clients and of authenticating proxies."""
    data = {"client-ca-file": client_ca}
    if proxy_ca:
        data |= {"requestheader-client-ca-file": proxy_ca, **REQUEST_HEADERS}
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": data,
    }


def _service_range(address: Address, now: float) -> Document:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": timestamp(now),
        "reason": "",
        # The text of kube-controller-manager's controller, which otherwise replaces kube-apiserver's with an apply patch.
        "message": "Kubernetes Service CIDR is ready",
    }
    return {
        "kind": "ServiceCIDR",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": list(address.service_ranges)},
        "status": {"conditions": [ready]},
    }


def _priority_class(name: str, value: int, description: str) -> Document:
    return {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": {"name": name},
        "value": value,
        "description": description,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _service(address: Address) -> Document:
    first = str(ip_network(address.service_ranges[0], strict=False).network_address + 1)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": address.port}],
            "clusterIP": first,
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilyPolicy": "SingleStack",
        },
    }


def endpoints(address: Address) -> Iterator[Document]:
    """The endpoints of the service `default/kubernetes`, in both forms."""
    yield {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [
            {
                "addresses": [{"ip": address.host}],
                "ports": [{"name": "https", "port": address.port, "protocol": "TCP"}],
            }
        ],
    }
    yield {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv6" if ":" in address.host else "IPv4",
        "endpoints": [{"addresses": [address.host], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "protocol": "TCP", "port": address.port}],
    }
