"""The certificates of a first start."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from watchcache.kubeconfig import kubeconfig, write_kubeconfig
from watchcache.pki import Authority, CertificateProblem, KeyPair, check_pair

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_keys_are_private_and_the_ca_is_kept(tmp_path: Path):
    """Only the owner may read keys; a second start finds the CA of the first."""
    first = Authority(tmp_path / "pki")
    again = Authority(tmp_path / "pki")
    assert (tmp_path / "pki" / "ca.key").stat().st_mode & 0o777 == 0o600
    assert first.files.certificate.read_bytes() == again.files.certificate.read_bytes()


def test_a_leaf_is_kept_until_it_must_change(tmp_path: Path):
    """A serving certificate is made anew when it nears its end or a name is missing, and only then."""
    names = ["localhost", "127.0.0.1"]
    pair = Authority(tmp_path, now=NOW).ensure("apiserver", "kube-apiserver", names=names)
    before = pair.certificate.read_bytes()
    assert (
        Authority(tmp_path, now=NOW)
        .ensure("apiserver", "kube-apiserver", names=names)
        .certificate.read_bytes()
        == before
    )
    later = Authority(tmp_path, now=NOW + dt.timedelta(days=350)).ensure(
        "apiserver", "kube-apiserver", names=names
    )
    renewed = later.certificate.read_bytes()
    assert renewed != before
    Authority(tmp_path, now=NOW + dt.timedelta(days=350)).ensure(
        "apiserver", "kube-apiserver", names=[*names, "more.example.com"]
    )
    assert pair.certificate.read_bytes() != renewed


def test_a_client_certificate_says_who_the_user_is(tmp_path: Path):
    """CN is the user and each O a group."""
    certificate, _ = Authority(tmp_path).issue("jane", organizations=["a", "b"])
    subject = x509.load_pem_x509_certificate(certificate).subject
    assert [(name.rfc4514_attribute_name, name.value) for name in subject] == [
        ("O", "a"),
        ("O", "b"),
        ("CN", "jane"),
    ]


def test_openssl_takes_what_we_make(tmp_path: Path):
    """The serving pair loads into a TLS context."""
    pair = Authority(tmp_path).ensure("apiserver", "kube-apiserver", names=["localhost"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)


def test_an_expired_certificate_is_refused_by_name(tmp_path: Path):
    """The operator reads which file, when it ended and what to do."""
    pair = Authority(tmp_path, now=NOW).ensure("apiserver", "x", names=["localhost"])
    with pytest.raises(CertificateProblem, match=r"apiserver\.crt expired on 2027-01-01; replace it"):
        check_pair(pair, NOW + dt.timedelta(days=366))


def test_files_that_hold_something_else_are_refused(tmp_path: Path):
    """A missing file, and one without a certificate in it."""
    (tmp_path / "x").write_text("no")
    with pytest.raises(CertificateProblem, match="holds no PEM certificate"):
        check_pair(KeyPair(tmp_path / "x", tmp_path / "x"))
    with pytest.raises(CertificateProblem, match="cannot read"):
        check_pair(KeyPair(tmp_path / "y", tmp_path / "y"))


def test_a_kubeconfig_is_private(tmp_path: Path):
    """It holds a key, so nobody else may read it."""
    path = tmp_path / "deep" / "admin.kubeconfig"
    write_kubeconfig(path, kubeconfig("https://x", ca=b"ca", token="t"))
    assert path.stat().st_mode & 0o777 == 0o600
