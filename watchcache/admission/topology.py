"""`PodTopologyLabels`: a pod carries the zone and region of its node as labels of its own.

Given when a pod is created on a node or bound to one (`topology_labels` serves the binding, which is no create); they replace what
the pod says itself. Source: k/k plugin/pkg/admission/podtopologylabels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from watchcache.admission.chain import Operation, Review

TOPOLOGY: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


def topology_labels(node: Mapping[str, str]) -> dict[str, str]:
    """What a pod takes over of the labels of its node."""
    return {label: node[label] for label in TOPOLOGY if label in node}


class PodTopologyLabels:
    """The plugin. `labels_of` gives a node's labels by its name, none for a node that is not there."""

    name = "PodTopologyLabels"
    operations = frozenset({Operation.CREATE})

    def __init__(self, labels_of: Callable[[str], Mapping[str, str]]) -> None:
        self._labels_of = labels_of

    def admit(self, review: Review) -> None:
        """Add the labels to a pod that has a node."""
        document, resource = review.document, review.resource
        if document is None or (resource.group, resource.kind) != ("", "Pod") or review.subresource:
            return
        node = (document.get("spec") or {}).get("nodeName")
        labels = self._labels_of(node) if node else None
        if labels and (found := topology_labels(labels)):
            metadata = document["metadata"]
            metadata["labels"] = {**(metadata.get("labels") or {}), **found}
