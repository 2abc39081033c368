"""The pod security standards: levels, their versions, and what violates them.

`policy_of` reads a namespace's labels; `violations` judges a pod; `warnings_about` tells of the pods of a namespace.
Source: k8s.io/pod-security-admission v0.36.3 (api, policy, admission).
"""

from watchcache.admission.standards.evaluation import Violations, violations
from watchcache.admission.standards.existing import warnings_about
from watchcache.admission.standards.levels import Mistake, Policy, Standard, policy_of, tightened

__all__ = [
    "Mistake",
    "Policy",
    "Standard",
    "Violations",
    "policy_of",
    "tightened",
    "violations",
    "warnings_about",
]
