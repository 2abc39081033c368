"""Documents against the types of their kind: what Go's decoding into a struct and encoding again does to JSON.

`conform` checks types, finds unknown fields, and gives the document in the one form that kube-apiserver would
store and show. All rules that follow from the Go types are here; defaults that code sets are in `watchcache.api.defaulting`.
"""

from watchcache.api.structure.conform import Conformed, conform, strict_error, zero
from watchcache.api.structure.places import TypeMismatch
from watchcache.api.structure.quantity import canonical_quantity, quantity_text
from watchcache.api.structure.times import canonical_micro_time, canonical_time

__all__ = [
    "Conformed",
    "TypeMismatch",
    "canonical_micro_time",
    "canonical_quantity",
    "canonical_time",
    "conform",
    "quantity_text",
    "strict_error",
    "zero",
]
