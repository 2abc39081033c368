"""A connection to the server that a kubeconfig names, with nothing but the standard library."""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import ssl
import tempfile
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchcache.settings import Settings, SettingsProblem

TIMEOUT = 10.0  # seconds


class ServerProblem(Exception):
    """The server could not be asked, or said no; one line."""


def kubeconfig_path(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The file to use: the one given, else the first of $KUBECONFIG, else the one that a server of this user writes."""
    if given is not None:
        return given
    for name in environment.get("KUBECONFIG", "").split(os.pathsep):
        if name:
            return Path(name)
    return Settings().cert_dir / "admin.kubeconfig"


class Connection:
    """Asks the server of a kubeconfig's current context, over one connection that is made anew when it broke."""

    def __init__(self, path: Path) -> None:
        """Raises `SettingsProblem` for a kubeconfig that cannot be used."""
        try:
            cluster, user = _read(path)
            self.server = str(cluster["server"])
            context = _tls(cluster, user, path.parent)
        except KeyError as problem:
            raise SettingsProblem(f"{path} has no {problem.args[0]} for its current context") from None
        except (OSError, binascii.Error) as problem:  # an SSLError is an OSError
            raise SettingsProblem(f"cannot use {path}: {problem}") from None
        url = urllib.parse.urlsplit(self.server)
        if url.scheme != "https" or not url.hostname:
            raise SettingsProblem(f"{path}: the server must be an https URL, not {self.server!r}")
        self._http = http.client.HTTPSConnection(
            url.hostname, url.port or 443, timeout=TIMEOUT, context=context
        )
        self._headers = {"User-Agent": "watchcache-top"}
        if token := user.get("token"):
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, target: str) -> bytes:
        """The body of a GET that succeeds. Raises `ServerProblem`."""
        try:
            try:
                status, body = self._ask(target)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self._http.close()  # an idle connection that the server has closed meanwhile
                status, body = self._ask(target)
        except (OSError, http.client.HTTPException) as problem:
            self._http.close()
            raise ServerProblem(f"{self.server} cannot be asked: {problem}") from None
        if status != 200:
            text = body.decode(errors="replace").strip().partition("\n")[0]
            raise ServerProblem(f"{target.partition('?')[0]} answered {status}: {text[:200]}")
        return body

    def close(self) -> None:
        """Let go of it."""
        self._http.close()

    def _ask(self, target: str) -> tuple[int, bytes]:
        self._http.request("GET", target, headers=self._headers)
        response = self._http.getresponse()
        return response.status, response.read()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cluster and the user of the current context."""
    import yaml

    try:
        document = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as problem:
        raise SettingsProblem(f"{path} is not YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(document, dict):
        raise SettingsProblem(f"{path} is no kubeconfig")
    context = _named(document, "contexts", "context", str(document["current-context"]))
    cluster = _named(document, "clusters", "cluster", str(context["cluster"]))
    return cluster, _named(document, "users", "user", str(context["user"]))


def _named(document: dict[str, Any], plural: str, singular: str, name: str) -> dict[str, Any]:
    for each in document.get(plural) or ():
        if each.get("name") == name:
            return each.get(singular) or {}
    raise KeyError(f"{singular} {name}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    ca = _data(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=ca.decode() if ca else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _data(user, "client-certificate", folder), _data(user, "client-key", folder)
    if certificate and key:
        # ssl reads certificates from files only; this one exists for a moment, readable to nobody else
        with tempfile.NamedTemporaryFile(suffix=".pem") as pair:
            pair.write(certificate + b"\n" + key)
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


def _data(section: dict[str, Any], name: str, folder: Path) -> bytes:
    if encoded := section.get(f"{name}-data"):
        return base64.b64decode(encoded)
    return (folder / section[name]).read_bytes() if section.get(name) else b""
