"""The defaults that kube-apiserver's code sets: values that clients leave out and see in every answer.

They are tables by type: `literals` where a field gets a fixed value, `rules` where the value depends on others. `plan` makes from them and the
schema the places of a kind where something can be set. Zero values (`"resources":{}`) are `watchcache.api.structure`'s.
"""

from watchcache.api.defaulting.plan import apply_defaults

__all__ = ["apply_defaults"]
