"""What a server shows and whom it trusts: its serving certificate, the client CAs, the administrator's kubeconfig.

Everything is made from the settings before the server runs, so that what an operator got wrong is said at once.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
import ssl
from pathlib import Path

from watchcache import pki
from watchcache.account_keys import account_keys
from watchcache.http.wire import reload_certificate, server_context
from watchcache.kubeconfig import kubeconfig, write_kubeconfig
from watchcache.settings import Settings, SettingsProblem

logger = logging.getLogger("watchcache.server")
SERVICE_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
ADMINISTRATOR, ADMINISTRATORS = "kubernetes-admin", "system:masters"
TLS_VERSIONS = {"VersionTLS12": ssl.TLSVersion.TLSv1_2, "VersionTLS13": ssl.TLSVersion.TLSv1_3}


class Credentials:
    """Made for a server at `url`; writes what is missing into `--cert-dir`, and the kubeconfig.

    `pair` is what it serves with, `client_ca` a file with every CA whose client certificates are accepted, `proxy_ca` the
    CA of the proxies that may tell the cluster's other servers whom they speak for. It is another CA, which has signed
    nothing: no certificate of a client makes a proxy.
    `account_keys` sign and verify the tokens of service accounts.
    Raises `SettingsProblem` when the settings name what cannot be used.
    """

    def __init__(self, settings: Settings, url: str, kubeconfig_path: Path) -> None:
        self._settings = settings
        self.token_file: Path | None = (
            None  # with the administrator's token, where certificates do not get through
        )
        try:
            authority = pki.Authority(settings.cert_dir)
            self.pair = self._serving_pair(authority)
            self.client_ca = self._client_cas(authority.files.certificate)
            self.proxy_ca = pki.Authority(settings.cert_dir / "front-proxy").files.certificate
            self._write_kubeconfig(authority, url, kubeconfig_path)
            self.account_keys = account_keys(settings)
        except pki.CertificateProblem as problem:
            raise SettingsProblem(str(problem)) from None
        except OSError as problem:
            raise SettingsProblem(
                f"cannot write {problem.filename}: {problem.strerror}; name another directory with --cert-dir"
            ) from None
        self.serving = Serving(settings, self.pair, self.client_ca)

    def _serving_pair(self, authority: pki.Authority) -> pki.KeyPair:
        settings = self._settings
        if bool(settings.tls_cert_file) != bool(settings.tls_private_key_file):
            raise SettingsProblem("--tls-cert-file and --tls-private-key-file go together")
        if not settings.tls_cert_file:
            return authority.ensure("apiserver", "kube-apiserver", names=serving_names(settings))
        pair = pki.KeyPair(Path(settings.tls_cert_file), Path(settings.tls_private_key_file))
        pki.check_pair(pair)
        return pair

    def _client_cas(self, own: Path) -> Path:
        """One file with our own CA and that of the operator."""
        given = self._settings.client_ca_file
        if not given:
            return own
        try:
            text = own.read_bytes() + b"\n" + Path(given).read_bytes()
        except OSError as problem:
            raise SettingsProblem(f"--client-ca-file: cannot read {given}: {problem.strerror}") from None
        bundle = self._settings.cert_dir / "client-ca-bundle.crt"
        pki.write_private(bundle, text, mode=0o644)
        return bundle

    def _write_kubeconfig(self, authority: pki.Authority, url: str, path: Path) -> None:
        """The administrator's; a serving certificate of the operator's is trusted by itself, whoever signed it."""
        trusted = self.pair.certificate if self._settings.tls_cert_file else authority.files.certificate
        admin = authority.ensure("admin", ADMINISTRATOR, organizations=[ADMINISTRATORS])
        certificate, key = admin.certificate.read_bytes(), admin.key.read_bytes()
        token = self._administrators_token() if self._settings.host == "hypercorn" else ""
        config = kubeconfig(url, ca=trusted.read_bytes(), certificate=certificate, key=key, token=token)
        write_kubeconfig(path, config)

    def _administrators_token(self) -> str:
        """A new token, in a token file of our own: Hypercorn does not tell the application about client certificates."""
        token = secrets.token_urlsafe(32)
        self.token_file = self._settings.cert_dir / "admin-token.csv"
        row = f'{token},{ADMINISTRATOR},{ADMINISTRATOR},"{ADMINISTRATORS}"\n'
        pki.write_private(self.token_file, row.encode())
        return token

    @property
    def context(self) -> ssl.SSLContext:
        """The TLS context to serve with."""
        return self.serving.context

    def reload(self) -> None:
        """Read the serving pair again (SIGHUP)."""
        self.serving.reload()


class Serving:
    """A TLS context and the files that it is made from. Raises `SettingsProblem`."""

    def __init__(self, settings: Settings, pair: pki.KeyPair, client_ca: Path) -> None:
        self.pair = pair
        self.client_ca = client_ca
        try:
            self.context = server_context(
                pair.certificate,
                pair.key,
                client_ca=client_ca,
                minimum=TLS_VERSIONS[settings.tls_min_version],
                http2=not settings.disable_http2_serving,
                ciphers=openssl_names(settings.tls_cipher_suites),
            )
        except (ssl.SSLError, OSError) as problem:
            raise SettingsProblem(f"cannot serve with {pair.certificate} and {pair.key}: {problem}") from None

    def reload(self) -> None:
        """Read the serving pair again; one that cannot be used is said in the log and not taken."""
        try:
            pki.check_pair(self.pair)
            reload_certificate(self.context, self.pair.certificate, self.pair.key)
        except (pki.CertificateProblem, ssl.SSLError, OSError) as problem:
            logger.warning("the certificate was not reloaded: %s", problem)


def serving_names(settings: Settings) -> list[str]:
    """What our own serving certificate must be valid for: DNS names and addresses."""
    service = next(ipaddress.ip_network(settings.service_cluster_ip_range.split(",")[0]).hosts())
    found = [*SERVICE_NAMES, "127.0.0.1", "::1", str(service), socket.gethostname()]
    found += [settings.external_hostname, settings.advertise_address, settings.bind_address]
    return list(dict.fromkeys(name for name in found if name and name not in {"0.0.0.0", "::"}))  # noqa: S104


def openssl_names(suites: tuple[str, ...]) -> str | None:
    """Go's names of TLS 1.2 suites as OpenSSL's; those already written OpenSSL's way stay."""
    if not suites:
        return None
    return ":".join(openssl_name(suite) for suite in suites)


def openssl_name(suite: str) -> str:
    """`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` as `ECDHE-RSA-AES128-GCM-SHA256`."""
    if not suite.startswith("TLS_"):
        return suite
    name = suite.removeprefix("TLS_").removeprefix("RSA_WITH_").replace("_WITH_", "_")
    name = name.replace("AES_", "AES").replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305")
    return name.replace("_", "-")
