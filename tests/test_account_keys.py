"""Which keys sign and verify the tokens of service accounts, and what is said about those that cannot."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from watchcache.account_keys import account_keys
from watchcache.pki import key_pem, pem, subject
from watchcache.settings import Settings, SettingsProblem

RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP384R1())


def public(key: Any) -> bytes:
    """Its public half, PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    data: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return data


def settings(directory: Path, **files: bytes) -> Settings:
    """Settings whose cert directory is `directory`; `signing` and `verifying` are the contents of key files."""
    made = Settings(cert_dir=directory)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    if "signing" in files:
        made.service_account_signing_key_file = str(directory / "signing")
    if "verifying" in files:
        made.service_account_key_files = (str(directory / "verifying"),)
    return made


def test_a_server_without_flags_makes_a_key_and_keeps_it(tmp_path: Path):
    """For its own eyes; the issuer and the audience are those that everybody uses."""
    made = account_keys(settings(tmp_path / "pki"))
    assert (tmp_path / "pki" / "sa.key").stat().st_mode & 0o777 == 0o600
    again = account_keys(settings(tmp_path / "pki"))
    assert again.signer.verifier.key_id == made.signer.verifier.key_id
    assert made.issuer == "https://kubernetes.default.svc"
    assert made.trust.audiences == (made.issuer,)
    assert [each.algorithm for each in made.verifiers] == ["ES256"]


def test_one_file_may_hold_several_keys_of_each_kind(tmp_path: Path):
    """Public, private, and in certificates, in their order; what signs is trusted besides, once."""
    now = dt.datetime.now(dt.UTC)
    name = subject("x", ())
    certificate = x509.CertificateBuilder(
        name, name, CURVE.public_key(), x509.random_serial_number(), now, now
    ).sign(CURVE, hashes.SHA256())
    other = ec.generate_private_key(ec.SECP256R1())
    content = public(RSA) + pem(certificate) + key_pem(other)
    keys = account_keys(settings(tmp_path, signing=key_pem(other), verifying=content))
    assert [each.algorithm for each in keys.verifiers] == ["RS256", "ES384", "ES256"]
    assert not (tmp_path / "sa.key").exists()


def test_an_rsa_key_signs(tmp_path: Path):
    """In the form of OpenSSL's `genrsa`, too."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    old = RSA.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    assert account_keys(settings(tmp_path, signing=old)).signer.verifier.algorithm == "RS256"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"signing": b"nothing"}, "holds no PEM private key"),
        ({"signing": public(RSA)}, "holds no PEM private key"),
        ({"signing": key_pem(CURVE).replace(b"M", b"!")}, "cannot be used"),
        ({"verifying": b""}, "does not contain any valid RSA or ECDSA public keys"),
        ({"verifying": public(ed25519.Ed25519PrivateKey.generate())}, "neither an RSA key nor one of P-256"),
    ],
)
def test_keys_that_cannot_be_used_are_named(tmp_path: Path, files: dict[str, bytes], message: str):
    """With the flag and the file."""
    with pytest.raises(SettingsProblem, match=message) as raised:
        account_keys(settings(tmp_path, **files))
    assert "--service-account-" in str(raised.value)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("service_account_issuers", ("a", "a"), "already specified"),
        ("service_account_issuers", ("https://[x",), "not a valid URL"),
        ("service_account_max_token_expiration", 3599.0, "between 1 hour and 2"),
        ("service_account_signing_key_file", "/nowhere/sa.key", "cannot read /nowhere/sa.key"),
    ],
)
def test_what_an_operator_got_wrong_is_said(tmp_path: Path, name: str, value: object, message: str):
    """Before the server starts."""
    made = settings(tmp_path)
    setattr(made, name, value)
    with pytest.raises(SettingsProblem, match=message):
        account_keys(made)
