"""The plugins of servers that do not let everybody do everything. Most servers have none: the modules are imported with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from watchcache.admission import Chain, Plugin, Validator
from watchcache.auth import Access
from watchcache.registry.calls import Document

_AFTER_NODES = (
    "Priority", "DefaultTolerationSeconds", "DefaultStorageClass", "RuntimeClass", "DefaultIngressClass", "PodTopologyLabels",
)  # fmt: skip
"""What comes behind NodeRestriction: the first of these that is not disabled."""


def last(access: Access) -> Sequence[Plugin]:
    """What judges a document that all other plugins have changed."""
    if access.policy is None:
        return ()
    from watchcache.admission.escalation import EscalationCheck  # noqa: PLC0415

    return (EscalationCheck(access, access.policy),)


def signers(access: Access) -> Sequence[Validator]:
    """What judges who approves, signs and asks for certificates."""
    if access.open:
        return ()
    from watchcache.admission.requests import CertificateSubjectRestriction  # noqa: PLC0415
    from watchcache.admission.signers import certificate_signers  # noqa: PLC0415

    return (*certificate_signers(access.authorizer), CertificateSubjectRestriction())


def restrict_nodes(
    chain: Chain, access: Access, find: Callable[[str, str, str, str], Document | None]
) -> None:
    """Have nodes write only what is their own. `find` gives the object of a group, kind, namespace and name.

    The plugin also looks at what is no object of its resource (evictions, tokens), so it is included like what others add.
    """
    from watchcache.admission.noderestriction import NodeRestriction  # noqa: PLC0415

    chain.include_plugin(NodeRestriction(find, access.authorizer), _AFTER_NODES)
