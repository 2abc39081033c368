"""The life cycle of one object: what a create, update, patch or delete means for each kind.

The registry turns a `Call` and a document into an event of the log, and reads from the cachers. It
knows Kubernetes; the log and the cachers below it do not. It promises that an answer is never given
before what it says is durable, and that of racing writers without a resourceVersion none fails.
"""

from watchcache.registry.calls import Call, Document, Listed, Outcome
from watchcache.registry.issuer import Issuer
from watchcache.registry.registry import Registry, Settings
from watchcache.registry.resources import Resources
from watchcache.registry.reviews import Verdict
from watchcache.registry.store import Apart, Elsewhere, NotConverted

__all__ = [
    "Apart",
    "Call",
    "Document",
    "Elsewhere",
    "Issuer",
    "Listed",
    "NotConverted",
    "Outcome",
    "Registry",
    "Resources",
    "Settings",
    "Verdict",
]
