"""The 403 of what a user may not do, in kube-apiserver's words (apiserver/pkg/endpoints/handlers/responsewriters/errors.go)."""

from __future__ import annotations

from watchcache.api import status
from watchcache.api.quoting import quoted
from watchcache.api.status import StatusError
from watchcache.auth.authorizer import Attributes, Authorizer, Decision


def check(authorizer: Authorizer, attributes: Attributes) -> None:
    """Raises the 403 unless the authorizer allows it."""
    decision, reason = authorizer.authorize(attributes)
    if decision is not Decision.ALLOW:
        raise refusal(attributes, reason)


def refusal(attributes: Attributes, reason: str) -> StatusError:
    """403, with the reason that the authorizers gave."""
    user, verb, what = quoted(attributes.user.name), attributes.verb, attributes.resource
    because = f": {reason}" if reason else ""
    if not what:
        text = f"User {user} cannot {verb} path {quoted(attributes.path)}"
        return status.forbidden("", "", _plain(text) + because)
    if attributes.subresource:
        what = f"{what}/{attributes.subresource}"
    place = (
        f"in the namespace {quoted(attributes.namespace)}" if attributes.namespace else "at the cluster scope"
    )
    text = (
        f"User {user} cannot {verb} resource {quoted(what)} in API group {quoted(attributes.group)} {place}"
    )
    about = status.GroupKind(attributes.group, attributes.resource)
    return status.forbidden(about, attributes.name, _plain(text) + because)


def _plain(text: str) -> str:
    """Without what a browser could take for markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
