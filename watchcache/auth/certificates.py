"""Authentication by client certificate: the subject's common name is the user, its organisations the groups.

TLS has verified the certificate against `--client-ca-file` before it gets here; what is left is
to read the name. A certificate stays the same for the life of a connection, so the answer is kept by its DER.
"""

from __future__ import annotations

from watchcache.api.user import UserInfo
from watchcache.auth.authenticator import Credentials, Rejected, with_authenticated_group

KEPT = 4096  # certificates remembered; one is about 1 KB, a cluster's nodes fit


class CertificateAuthenticator:
    """Recognises verified client certificates."""

    def __init__(self) -> None:
        self._known: dict[bytes, UserInfo | None] = {}

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """The certificate's user; None without a certificate or a common name. Raises `Rejected` when it cannot be read."""
        certificate = credentials.certificate
        if certificate is None:
            return None
        try:
            return self._known[certificate]
        except KeyError:
            return self._remember(certificate)

    def _remember(self, certificate: bytes) -> UserInfo | None:
        user = user_of_certificate(certificate)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[certificate] = user
        return user


def user_of_certificate(der: bytes) -> UserInfo | None:
    """Read CN and O of a certificate's subject. None when it has no CN. Raises `Rejected` when it is not a certificate."""
    # cryptography takes 40 ms to import: a server that only knows tokens does not pay for it
    from cryptography import x509  # noqa: PLC0415

    try:
        subject = x509.load_der_x509_certificate(der).subject
        names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        groups = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    except ValueError as error:
        raise Rejected(f"unreadable client certificate: {error}") from error
    if not names or not names[0].value:
        return None
    user = UserInfo(name=_text(names[0].value), groups=tuple(_text(group.value) for group in groups))
    return with_authenticated_group(user)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
