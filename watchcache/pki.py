"""The certificates that a first start makes: a CA, a serving certificate and an administrator's client certificate.

Everything lies in one directory (`--cert-dir`), keys with mode 0600. What is there already is kept: the CA for ever,
the leaf certificates until they come within `RENEWAL` of their end or no longer cover what they must. Keys are ECDSA
P-256: a signature costs a tenth of RSA's on the server, and every client of Kubernetes takes them.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=365)
RENEWAL = dt.timedelta(days=30)
# A clock that is a little behind must still accept a certificate made now.
SKEW = dt.timedelta(hours=1)


class CertificateProblem(Exception):
    """A certificate or key cannot be used; the text says which file and what to do."""


class KeyPair(NamedTuple):
    """Where a certificate (chain) and its key lie, both PEM."""

    certificate: Path
    key: Path


class Authority:
    """The CA in a directory, made when it is not there.

    Raises `CertificateProblem` when the files there are unreadable, damaged or expired.
    """

    def __init__(self, directory: Path, *, now: dt.datetime | None = None) -> None:
        self.directory = directory
        self._now = now or dt.datetime.now(dt.UTC)
        self.files = KeyPair(directory / "ca.crt", directory / "ca.key")
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.files.certificate.exists():
            self._certificate = load_certificate(self.files.certificate, self._now)
            self._key = load_key(self.files.key)
        else:
            self._certificate, self._key = self._make()

    def _make(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = subject("watchcache-ca", ())
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            self._builder(name, name, key.public_key(), CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_key(self.files.key, key)
        write_private(self.files.certificate, pem(certificate), mode=0o644)
        return certificate, key

    def _builder(
        self, name: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, lifetime: dt.timedelta
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - SKEW)
            .not_valid_after(self._now + lifetime)
        )

    def issue(
        self,
        common_name: str,
        *,
        organizations: Sequence[str] = (),
        names: Iterable[str] = (),
        lifetime: dt.timedelta = LEAF_LIFETIME,
    ) -> tuple[bytes, bytes]:
        """A new leaf as (certificate, key) in PEM; with `names` (DNS names and addresses) for a server, else for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        sans = list(names)
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if sans else ExtendedKeyUsageOID.CLIENT_AUTH
        issuer = self._certificate
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            self._builder(subject(common_name, organizations), issuer.subject, key.public_key(), lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(authority, critical=False)
        )
        if sans:
            alternatives = x509.SubjectAlternativeName([general_name(name) for name in sans])
            builder = builder.add_extension(alternatives, critical=False)
        return pem(builder.sign(self._key, hashes.SHA256())), key_pem(key)

    def ensure(
        self, name: str, common_name: str, *, organizations: Sequence[str] = (), names: Iterable[str] = ()
    ) -> KeyPair:
        """The pair `<name>.crt`, `<name>.key` of this directory: kept while it serves its purpose, else issued anew."""
        pair = KeyPair(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        sans = list(names)
        if not self._still_good(pair, sans):
            certificate, key = self.issue(common_name, organizations=organizations, names=sans)
            write_private(pair.key, key)
            write_private(pair.certificate, certificate, mode=0o644)
        return pair

    def _still_good(self, pair: KeyPair, names: Sequence[str]) -> bool:
        if not (pair.certificate.exists() and pair.key.exists()):
            return False
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        except ValueError:
            return False
        if certificate.issuer != self._certificate.subject or not self._signed(certificate):
            return False
        return certificate.not_valid_after_utc - RENEWAL > self._now and covered(certificate, names)

    def _signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except Exception:  # every kind of refusal means the same: issue a new one
            return False
        return True


def subject(common_name: str, organizations: Sequence[str]) -> x509.Name:
    """The subject that Kubernetes reads as user (CN) and groups (O)."""
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_name(name: str) -> x509.GeneralName:
    """An address as an IP name, anything else as a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def covered(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    """Whether a serving certificate still names all that it must."""
    if not names:
        return True
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    return all(general_name(name) in extension.value for name in names)


def load_certificate(path: Path, now: dt.datetime) -> x509.Certificate:
    """The first certificate of a PEM file, valid at `now`.

    Raises `CertificateProblem`.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as problem:
        raise CertificateProblem(f"cannot read {path}: {problem.strerror}") from None
    except ValueError:
        raise CertificateProblem(f"{path} holds no PEM certificate") from None
    if certificate.not_valid_after_utc <= now:
        end = certificate.not_valid_after_utc.strftime("%Y-%m-%d")
        raise CertificateProblem(
            f"the certificate in {path} expired on {end}; replace it, or remove it to have a new one made"
        )
    return certificate


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The CA's key.

    Raises `CertificateProblem`.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as problem:
        raise CertificateProblem(f"cannot read {path}: {problem.strerror}") from None
    except (ValueError, TypeError):
        raise CertificateProblem(f"{path} holds no PEM key that can be used without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateProblem(f"the key in {path} is not an ECDSA key")
    return key


def check_pair(pair: KeyPair, now: dt.datetime | None = None) -> None:
    """Refuse a serving pair given by the operator that cannot be read or has expired.

    Raises `CertificateProblem`.
    """
    load_certificate(pair.certificate, now or dt.datetime.now(dt.UTC))
    try:
        pair.key.read_bytes()
    except OSError as problem:
        raise CertificateProblem(f"cannot read {pair.key}: {problem.strerror}") from None


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as PEM, unencrypted, in the form that OpenSSL and Go read."""
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a key with mode 0600."""
    write_private(path, key_pem(key))


def write_private(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a reader sees the old or the new one, never half; nobody else may read it before."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
    aside.replace(path)
