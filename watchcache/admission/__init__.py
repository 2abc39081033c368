"""Admission: what else has a say in a write, after the identity of the object and before the kind's own rules.

A chain of named plugins sees each write in order; a plugin changes the document or raises a
`StatusError`. Reads are never admitted. A plugin gets what it needs to know handed in as functions.
"""

from watchcache.admission.chain import Chain, Operation, Plugin, Review
from watchcache.admission.namespaces import NamespaceLifecycle, NamespaceState
from watchcache.admission.pods import DefaultTolerationSeconds, Priority, PriorityClass, PriorityClasses
from watchcache.admission.topology import PodTopologyLabels, topology_labels

__all__ = [
    "Chain",
    "DefaultTolerationSeconds",
    "NamespaceLifecycle",
    "NamespaceState",
    "Operation",
    "Plugin",
    "PodTopologyLabels",
    "Priority",
    "PriorityClass",
    "PriorityClasses",
    "Review",
    "topology_labels",
]
