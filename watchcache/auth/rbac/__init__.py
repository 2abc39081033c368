"""`--authorization-mode=RBAC`: roles and their bindings. Imported when it is among the modes.

`Policy` knows all of them as they are stored, because it is told of them (`auth.Follower`), and what they give each user; `Rbac` is the
authorizer. `missing` says which rights nobody who has some rules may grant; `standing_table` is what a fresh kube-apiserver holds.
"""

from watchcache.auth.rbac.authorizer import Rbac
from watchcache.auth.rbac.policy import Policy, RoleMissing, RoleRef
from watchcache.auth.rbac.rules import Rule, described, listed, missing, rules_of
from watchcache.auth.rbac.standing import standing_table

__all__ = [
    "Policy",
    "Rbac",
    "RoleMissing",
    "RoleRef",
    "Rule",
    "described",
    "listed",
    "missing",
    "rules_of",
    "standing_table",
]
