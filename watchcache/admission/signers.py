"""`CertificateApproval` and `CertificateSigning`: who decides about certificate requests, or signs them, must be allowed to do so for their signer.

Beside the right to the path, the verb `approve` or `sign` on `signers` of that name, or of all names in its domain (`example.com/*`).

Source: k/k plugin/pkg/admission/certificates; texts of kube-apiserver 1.36.3. In the chain where somebody may not do everything.
"""

from __future__ import annotations

from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.api.quoting import quoted
from watchcache.auth import Attributes, Authorizer, Decision

_GROUP: Final = "certificates.k8s.io"


class CertificateSigners:
    """One of the two plugins: what comes by a subresource needs a verb."""

    operations = frozenset({Operation.UPDATE})

    def __init__(self, name: str, subresource: str, verb: str, authorizer: Authorizer) -> None:
        self.name = name
        self._subresource = subresource
        self._verb = verb
        self._authorizer = authorizer

    def validate(self, review: Review) -> None:
        """Raises StatusError 403."""
        if review.subresource != self._subresource or review.resource.plural != "certificatesigningrequests":
            return
        if review.resource.group != _GROUP or review.old is None:
            return
        if self._subresource == "status" and not _is_signed(review.document or {}, review.old):
            return
        signer = (review.old.get("spec") or {}).get("signerName") or ""
        if not self._may(review, signer) and not self._may(review, f"{signer.partition('/')[0]}/*"):
            text = f"user not permitted to {self._verb} requests with signerName {quoted(signer)}"
            raise review.refused(text)

    def _may(self, review: Review, signer: str) -> bool:
        attributes = Attributes(review.user, self._verb, _GROUP, "*", "signers", "", "", signer, "")
        return self._authorizer.authorize(attributes)[0] is Decision.ALLOW


def _is_signed(new: dict[str, Any], old: dict[str, Any]) -> bool:
    """Whether a status brings another certificate, or other conditions."""
    state, stored = new.get("status") or {}, old.get("status") or {}
    return any(
        (state.get(name) or None) != (stored.get(name) or None) for name in ("certificate", "conditions")
    )


def certificate_signers(authorizer: Authorizer) -> tuple[CertificateSigners, CertificateSigners]:
    """Both plugins."""
    return (
        CertificateSigners("CertificateApproval", "approval", "approve", authorizer),
        CertificateSigners("CertificateSigning", "status", "sign", authorizer),
    )
