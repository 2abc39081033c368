"""Admission: what else has a say in a write, after the identity of the object and before the kind's own rules.

A chain of named plugins sees each write in order; a plugin changes the document or raises a
`StatusError`. Those that validate see it once more when it is complete and valid. Reads are never
admitted. A plugin gets what it needs to know handed in as functions. `Policies` and `Webhooks` add what others have configured: rules in CEL,
and questions over the network, when there are any. `watchcache.admission.escalation`, `.signers`, `.requests`
and `.noderestriction` are doors of their own, for servers that do not let everybody do everything.
"""

from watchcache.admission.accounts import ServiceAccount
from watchcache.admission.chain import Chain, Operation, Plugin, Review, Validator
from watchcache.admission.classes import DefaultIngressClass, DefaultStorageClass, PersistentVolumeClaimResize
from watchcache.admission.governing import Policies
from watchcache.admission.limits import LimitRanger
from watchcache.admission.namespaces import NamespaceLifecycle, NamespaceState
from watchcache.admission.outside import Webhooks
from watchcache.admission.pods import DefaultTolerationSeconds, Priority, PriorityClass, PriorityClasses
from watchcache.admission.quota import ResourceQuota
from watchcache.admission.runtimes import RuntimeClass
from watchcache.admission.security import PodSecurity, security_labels
from watchcache.admission.topology import PodTopologyLabels, topology_labels

__all__ = [
    "Chain",
    "DefaultIngressClass",
    "DefaultStorageClass",
    "DefaultTolerationSeconds",
    "LimitRanger",
    "NamespaceLifecycle",
    "NamespaceState",
    "Operation",
    "PersistentVolumeClaimResize",
    "Plugin",
    "PodSecurity",
    "PodTopologyLabels",
    "Policies",
    "Priority",
    "PriorityClass",
    "PriorityClasses",
    "ResourceQuota",
    "Review",
    "RuntimeClass",
    "ServiceAccount",
    "Validator",
    "Webhooks",
    "security_labels",
    "topology_labels",
]
