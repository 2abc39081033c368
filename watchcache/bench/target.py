"""The API server under load: what a kubeconfig says about it, and whether it may be loaded at all."""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from watchcache.bench.problems import BenchProblem


class Target(msgspec.Struct, frozen=True):
    """Where to connect and as whom. PEM texts; `token` is empty when a client certificate is used."""

    host: str
    port: int
    authority: str
    certificate: str = ""
    key: str = ""
    token: str = ""
    verify: bool = True

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine's own."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """The server's URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"

    def context(self, protocol: str) -> ssl.SSLContext:
        """A client's TLS context that offers one application protocol ("h2" or "http/1.1")."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.authority:
            context.load_verify_locations(cadata=self.authority)
        else:
            context.load_default_certs()
        if self.certificate:
            load_pair(context, self.certificate, self.key)
        context.set_alpn_protocols([protocol])
        return context


def load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """Give a context a client certificate; OpenSSL reads it from a file, which exists only for that moment."""
    descriptor, name = tempfile.mkstemp(prefix="watchcache-bench-", suffix=".pem")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{certificate}\n{key}")
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()


def read_kubeconfig(path: Path) -> Target:
    """The target of a kubeconfig's current context.

    Raises `BenchProblem`.
    """
    try:
        config = yaml.safe_load(path.read_bytes())
    except OSError as problem:
        raise BenchProblem(f"cannot read the kubeconfig {path}: {problem.strerror}") from None
    except yaml.YAMLError as problem:
        raise BenchProblem(f"the kubeconfig {path} is not YAML: {' '.join(str(problem).split())}") from None
    try:
        context = named(config, "contexts", "context", config["current-context"])
        cluster = named(config, "clusters", "cluster", context["cluster"])
        user = named(config, "users", "user", context["user"])
        url = urlsplit(cluster["server"])
    except (KeyError, TypeError) as problem:
        raise BenchProblem(f"the kubeconfig {path} is incomplete: {problem}") from None
    if url.scheme != "https" or not url.hostname:
        raise BenchProblem(f"the kubeconfig {path} names {cluster['server']}: only https servers are loaded")
    if "exec" in user or "auth-provider" in user:
        raise BenchProblem(
            f"the kubeconfig {path} gets its credentials from a program; give a certificate or a token"
        )
    return Target(
        host=url.hostname,
        port=url.port or 443,
        authority=embedded(cluster, "certificate-authority", path),
        certificate=embedded(user, "client-certificate", path),
        key=embedded(user, "client-key", path),
        token=token_of(user, path),
        verify=not cluster.get("insecure-skip-tls-verify", False),
    )


def named(config: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    """An entry of one of the lists of a kubeconfig."""
    for entry in config.get(plural) or []:
        if entry.get("name") == name:
            found: dict[str, Any] = entry[singular]
            return found
    raise KeyError(f"no {singular} {name!r}")


def embedded(entry: dict[str, Any], field: str, path: Path) -> str:
    """PEM that is embedded or in a file beside the kubeconfig; empty when the entry has neither."""
    if data := entry.get(f"{field}-data"):
        return base64.b64decode(data).decode()
    if name := entry.get(field):
        return read_beside(path, name)
    return ""


def token_of(user: dict[str, Any], path: Path) -> str:
    """The bearer token, in the entry or in a file."""
    if name := user.get("tokenFile"):
        return read_beside(path, name).strip()
    return str(user.get("token", ""))


def read_beside(path: Path, name: str) -> str:
    """A file that a kubeconfig names: relative to the kubeconfig, as kubectl reads it."""
    try:
        return (path.parent / name).read_text()
    except OSError as problem:
        raise BenchProblem(f"the kubeconfig {path} names {name}: {problem.strerror}") from None


def check_allowed(target: Target, *, owned: bool) -> None:
    """Only loopback, unless the user says that the cluster is theirs: this load takes a production cluster down.

    Raises `BenchProblem`.
    """
    if not (target.loopback or owned):
        raise BenchProblem(
            f"{target.url} is not on this machine; the load may take a cluster down. "
            "If it is yours and may break, add --i-own-this-cluster"
        )
