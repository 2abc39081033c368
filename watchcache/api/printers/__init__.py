"""The cells of each kind's table rows, as kube-apiserver prints them.

One module per group of kinds; each ends in a table from (group, kind) to a pure function `(document, now) -> cells`. A document is
one of any version of its kind, with or without apiVersion and kind; what is missing in it is the zero value, so that the empty object
of a bookmark has a row too. `PRINTERS` is all of them; kinds that are not in it show their name and creation time (`named`).
"""

from __future__ import annotations

from typing import Any

from watchcache.api.printers import (
    access,
    autoscaling,
    configuration,
    devices,
    events,
    network,
    nodes,
    pods,
    storage,
    workloads,
)
from watchcache.api.printers.configuration import name_and_age
from watchcache.api.printers.fields import Document, Printer, name, text

__all__ = ["PRINTERS", "Document", "Printer", "name_and_age", "named", "row_conditions"]


NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: the creation of the empty object in a bookmark."""


def named(document: Document, now: float) -> list[Any]:  # noqa: ARG001 - a Printer
    """Name and creation time, of the kinds that have no printer."""
    return [name(document), text(document, "metadata", "creationTimestamp") or NEVER]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Pod"): pods.pod,
    **access.PRINTERS,
    **autoscaling.PRINTERS,
    **configuration.PRINTERS,
    **devices.PRINTERS,
    **events.PRINTERS,
    **network.PRINTERS,
    **nodes.PRINTERS,
    **storage.PRINTERS,
    **workloads.PRINTERS,
}

row_conditions = pods.row_conditions
