"""Client certificates, and the union of authenticators."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from watchcache.api.user import UserInfo
from watchcache.auth import CertificateAuthenticator, Credentials, Rejected, Union


def certificate(common_name: str, *organizations: str) -> bytes:
    """A self-signed certificate with this subject, DER."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name(names))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


def test_the_subject_is_the_user():
    """CN is the name, each O a group."""
    user = CertificateAuthenticator().authenticate(Credentials(certificate("alice", "dev", "ops"), ""))
    assert user == UserInfo(name="alice", groups=("dev", "ops", "system:authenticated"))


def test_the_same_certificate_is_read_once():
    """A certificate's user is kept by its bytes."""
    authenticator = CertificateAuthenticator()
    credentials = Credentials(certificate("alice"), "")
    assert authenticator.authenticate(credentials) is authenticator.authenticate(credentials)


def test_a_certificate_without_a_common_name_is_nobodys():
    """Groups alone do not make a user."""
    assert CertificateAuthenticator().authenticate(Credentials(certificate("", "dev"), "")) is None


def test_no_certificate_is_no_user():
    """A connection without a certificate is left to other authenticators."""
    assert CertificateAuthenticator().authenticate(Credentials(None, "Bearer x")) is None


def test_garbage_is_rejected():
    """Bytes that are no certificate do not pass for a missing one."""
    with pytest.raises(Rejected):
        CertificateAuthenticator().authenticate(Credentials(b"garbage", ""))


class Fixed:
    """An authenticator with a fixed answer."""

    def __init__(self, answer: UserInfo | Rejected | None) -> None:
        self.answer = answer

    def authenticate(self, _credentials: Credentials) -> UserInfo | None:
        if isinstance(self.answer, Rejected):
            raise self.answer
        return self.answer


ALICE, BOB = UserInfo(name="alice"), UserInfo(name="bob")


def test_the_first_user_found_counts():
    """Authenticators are asked in order, and a rejection by one does not silence the next."""
    assert Union([Fixed(None), Fixed(ALICE), Fixed(BOB)]).authenticate(Credentials(None, "")) is ALICE
    assert Union([Fixed(Rejected("no")), Fixed(BOB)]).authenticate(Credentials(None, "")) is BOB


def test_bad_credentials_are_rejected_when_nobody_takes_them():
    """Rejected by one and unknown to the rest is rejected; unknown to all is nobody."""
    with pytest.raises(Rejected):
        Union([Fixed(Rejected("no")), Fixed(None)]).authenticate(Credentials(None, ""))
    assert Union([Fixed(None)]).authenticate(Credentials(None, "")) is None
