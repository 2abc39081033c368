"""Rules about an object's own content, beyond its types: pure functions from a document to the causes of a 422.

One file for each group of kinds, one table of rules (`_RULES`) that says which kind has which. Documents are in the version they
are stored in, with all defaults; metadata is checked elsewhere (`api.meta`). Causes come in kube-apiserver's order, because
of several faults people and tests read the first. Not every rule of kube-apiserver is here; docs/compatibility.md says so.

Source: k/k pkg/apis/*/validation; every text was measured on kube-apiserver 1.36.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from watchcache.api.catalog import Resource
from watchcache.api.status import Cause
from watchcache.api.validation import (
    api_services,
    autoscalers,
    batch,
    certificates,
    claims,
    cluster,
    data,
    definitions,
    device_allocations,
    device_claims,
    device_slices,
    endpoints,
    events,
    flow,
    ingress_classes,
    ingresses,
    network,
    nodes,
    persistent,
    pods,
    policies,
    quotas,
    rbac,
    revisions,
    scheduling,
    service_ranges,
    services,
    storage,
    webhooks,
    workloads,
)
from watchcache.api.validation.rules import Document, Rule

_RULES: Final[dict[tuple[str, str], Rule]] = {
    **api_services.RULES,
    **autoscalers.RULES,
    **batch.RULES,
    **certificates.RULES,
    **claims.RULES,
    **cluster.RULES,
    **data.RULES,
    **definitions.RULES,
    **device_claims.RULES,
    **device_slices.RULES,
    **endpoints.RULES,
    **events.RULES,
    **flow.RULES,
    **ingress_classes.RULES,
    **ingresses.RULES,
    **network.RULES,
    **nodes.RULES,
    **persistent.RULES,
    **pods.RULES,
    **policies.RULES,
    **quotas.RULES,
    **rbac.RULES,
    **revisions.RULES,
    **scheduling.RULES,
    **service_ranges.RULES,
    **services.RULES,
    **storage.RULES,
    **webhooks.RULES,
    **workloads.RULES,
}
_TABLES: Final[dict[str, dict[tuple[str, str], Rule]]] = {
    "": _RULES,
    "status": {
        **api_services.STATUS_RULES,
        **certificates.STATUS_RULES,
        **claims.STATUS_RULES,
        **cluster.STATUS_RULES,
        **device_allocations.STATUS_RULES,
        **flow.STATUS_RULES,
        **nodes.STATUS_RULES,
        **policies.STATUS_RULES,
        **quotas.STATUS_RULES,
        **storage.STATUS_RULES,
        **workloads.STATUS_RULES,
    },
    "approval": certificates.APPROVAL_RULES,
    "ephemeralcontainers": pods.EPHEMERAL_RULES,
    "finalize": cluster.FINALIZE_RULES,
    "resize": pods.RESIZE_RULES,
}
"""By the path that changes the object; other paths have no rules here."""


def content_causes(
    resource: Resource, new: Document, old: Document | None, subresource: str = ""
) -> Iterator[Cause]:
    """What is wrong with a new (`old` is None) or changed object; custom resources have rules of their own."""
    if resource.custom is not None:
        from watchcache.api.custom.content import content_causes as custom_causes  # noqa: PLC0415

        yield from custom_causes(new, old, resource.custom, subresource)
        return
    rule = _TABLES.get(subresource, {}).get((resource.group, resource.plural))
    if rule is not None:
        yield from rule(new, old)


__all__ = ["content_causes"]
