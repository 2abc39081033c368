"""What a server shows, and what it says when it cannot."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from watchcache.credentials import Credentials, openssl_name, serving_names
from watchcache.pki import Authority
from watchcache.settings import Settings, SettingsProblem


@pytest.mark.parametrize(
    ("go", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    ],
)
def test_cipher_suites_have_gos_names(go: str, openssl: str):
    """Each is a suite that this OpenSSL knows."""
    assert openssl_name(go) == openssl
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(openssl)


def test_the_certificate_names_every_way_to_the_server():
    """Loopback, the service inside the cluster, what the operator named; never the wildcard address."""
    names = serving_names(Settings(bind_address="0.0.0.0", external_hostname="k.example.com"))
    assert {"localhost", "127.0.0.1", "10.0.0.1", "kubernetes.default.svc", "k.example.com"} <= set(names)
    assert "0.0.0.0" not in names


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tls_cert_file": "x"}, "--tls-cert-file and --tls-private-key-file go together"),
        (
            {"tls_cert_file": "/nowhere/x", "tls_private_key_file": "/nowhere/y"},
            "cannot read /nowhere/x: No such file or directory",
        ),
        (
            {"client_ca_file": "/nowhere/ca"},
            "--client-ca-file: cannot read /nowhere/ca: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_used_is_named(settings: dict[str, str], message: str, tmp_path: Path):
    """One line that says which flag or file."""
    with pytest.raises(SettingsProblem) as caught:
        Credentials(Settings(cert_dir=tmp_path, **settings), "https://x", tmp_path / "kc")
    assert str(caught.value) == message


def test_a_key_of_another_certificate_is_refused(tmp_path: Path):
    """OpenSSL's refusal is passed on with the names of both files."""
    authority = Authority(tmp_path / "other")
    one = authority.ensure("one", "one", names=["localhost"])
    two = authority.ensure("two", "two", names=["localhost"])
    settings = Settings(
        cert_dir=tmp_path / "pki", tls_cert_file=str(one.certificate), tls_private_key_file=str(two.key)
    )
    with pytest.raises(SettingsProblem, match=r"cannot serve with .*one\.crt and .*two\.key"):
        Credentials(settings, "https://x", tmp_path / "kc")
