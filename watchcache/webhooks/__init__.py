"""Calling webhooks: one HTTPS request to a server that a configuration names, and what went wrong in kube-apiserver's words.

`Caller` posts a review and gives the answer's bytes, within a time and a size. Who is called, and what the answer means, is the
business of `admission` and of the conversion of custom resources.
"""

from watchcache.webhooks.caller import Caller
from watchcache.webhooks.failures import CallFailed, NotReached, Unusable
from watchcache.webhooks.target import Target, target_of

__all__ = ["CallFailed", "Caller", "NotReached", "Target", "Unusable", "target_of"]
