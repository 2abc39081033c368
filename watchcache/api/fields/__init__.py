"""Who owns which field of an object: sets of fields, and what an update or an apply makes of the owners (server-side apply).

Pure functions over documents as JSON has them. What is list, set or map at a place comes as a `Shape`, which is made of any
`Schema`: a built-in kind's or a custom resource's. The registry hands in the versions of a kind (`Versions`) and calls
`Tracker`; all else is how that works:

    elements -> sets -> shapes -> fitting, owned, comparison, merging, removal -> ownership -> tracking -> scaling

Source: sigs.k8s.io/structured-merge-diff (fieldpath, typed, merge) and k8s.io/apimachinery/pkg/util/managedfields; measured on
kube-apiserver 1.36 (`tests/apply`).
"""

from watchcache.api.fields.entries import MalformedEntries, Managed, Owned, Owner, decode, encode, is_reset
from watchcache.api.fields.last_applied import LAST_APPLIED
from watchcache.api.fields.ownership import Conflict, Conflicts, Versions
from watchcache.api.fields.scaling import REPLICAS, from_scale, to_scale
from watchcache.api.fields.sets import FieldSet
from watchcache.api.fields.shapes import Misfit, Shape
from watchcache.api.fields.tracking import Tracker, same_but_times

__all__ = [
    "LAST_APPLIED",
    "REPLICAS",
    "Conflict",
    "Conflicts",
    "FieldSet",
    "MalformedEntries",
    "Managed",
    "Misfit",
    "Owned",
    "Owner",
    "Shape",
    "Tracker",
    "Versions",
    "decode",
    "encode",
    "from_scale",
    "is_reset",
    "same_but_times",
    "to_scale",
]
