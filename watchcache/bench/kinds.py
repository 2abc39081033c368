"""The resources of the simulation by name, and requests that write them."""

from __future__ import annotations

from typing import Any

from watchcache.bench import objects
from watchcache.bench.client import Request
from watchcache.bench.client.requests import JSON

NAMESPACES = "v1/namespaces"
NODES = "v1/nodes"
PODS = "v1/pods"
SERVICES = "v1/services"
CONFIG_MAPS = "v1/configmaps"
SECRETS = "v1/secrets"
LEASES = "coordination.k8s.io/v1/leases"
SLICES = "discovery.k8s.io/v1/endpointslices"

_REVISION = b'"resourceVersion":"'


def write(
    method: str,
    resource: str,
    path: str,
    document: dict[str, Any],
    *,
    part: str = "",
    content_type: str = JSON,
) -> Request:
    """A writing request; `part` is the subresource, for the label alone."""
    plural = resource.rpartition("/")[2]
    label = f"{method} {plural}/{part}" if part else f"{method} {plural}"
    # The answer to a deletion may show the object as it was.
    return Request(
        method,
        path,
        label,
        objects.encode(document),
        content_type,
        writes="" if method == "DELETE" else resource,
    )


def revision_of(body: bytes) -> int:
    """The first resourceVersion in an answer: the object's own; 0 when there is none (a Status)."""
    begin = body.find(_REVISION)
    if begin < 0:
        return 0
    begin += len(_REVISION)
    text = body[begin : body.index(b'"', begin)]
    return int(text) if text.isdigit() else 0
