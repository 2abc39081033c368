"""The subject of a certificate request, and `CertificateSubjectRestriction`: nobody asks for a client's certificate in `system:masters`.

Source: k/k pkg/apis/certificates/helpers.go, plugin/pkg/admission/certificates/subjectrestriction; texts of kube-apiserver 1.36.3. In the chain where
somebody may not do everything.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from watchcache.admission.chain import Operation, Review
from watchcache.auth import MASTERS

_SIGNER: Final = "kubernetes.io/kube-apiserver-client"


class RequestProblem(ValueError):
    """What is sent is no request for a certificate."""


class Subject(NamedTuple):
    """Whom a certificate is to name: a user, and its groups."""

    name: str
    groups: tuple[str, ...]


def subject_of(request: str) -> Subject:
    """The subject of a PKCS#10 request in PEM, in base64 as in `spec.request`. Raises RequestProblem."""
    try:
        pem = base64.b64decode(request)
    except binascii.Error:
        pem = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in pem:
        raise RequestProblem("PEM block type must be CERTIFICATE REQUEST")
    try:
        subject = x509.load_pem_x509_csr(pem).subject
    except ValueError:
        raise RequestProblem("x509: malformed certificate request") from None
    names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return Subject(names[-1] if names else "", tuple(groups))


class CertificateSubjectRestriction:
    """The plugin."""

    name = "CertificateSubjectRestriction"
    operations = frozenset({Operation.CREATE})

    def validate(self, review: Review) -> None:
        """Raises StatusError 403."""
        resource = review.resource
        if resource.plural != "certificatesigningrequests" or resource.group != "certificates.k8s.io":
            return
        spec = (review.document or {}).get("spec") or {}
        if spec.get("signerName") != _SIGNER:
            return
        try:
            subject = subject_of(spec.get("request") or "")
        except RequestProblem as problem:
            text = f"failed to parse CSR: {problem}"
            raise review.refused(text) from None
        if MASTERS in subject.groups:
            text = f"use of {_SIGNER} signer with {MASTERS} group is not allowed"
            raise review.refused(text)
