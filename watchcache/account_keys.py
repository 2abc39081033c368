"""The keys of service accounts' tokens: what the server signs with, and whose tokens it accepts.

kube-apiserver demands the flags. Here a server without them makes a key, `sa.key` in `--cert-dir`, at its first start and keeps it, so that tokens work,
and go on working, from the first command on. Workers read the same file. Servers that share an etcd need the same key files, or each refuses the
others' tokens. See [decision 21](../docs/decisions/0021-service-accounts.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from watchcache import pki
from watchcache.auth import Signer, Trust, Verifier, verifier_of
from watchcache.settings import Settings, SettingsProblem

ISSUER: Final = "https://kubernetes.default.svc"
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_LEAST, _MOST = 3600.0, float(1 << 32)


class AccountKeys(NamedTuple):
    """`issuer` is what new tokens are signed in the name of."""

    signer: Signer
    issuer: str
    trust: Trust

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """The keys of all tokens that are accepted."""
        return self.trust.verifiers


def account_keys(settings: Settings) -> AccountKeys:
    """The keys that the settings name, and else our own. Raises SettingsProblem."""
    longest = settings.service_account_max_token_expiration
    if longest and not _LEAST <= longest <= _MOST:
        raise SettingsProblem(
            "--service-account-max-token-expiration must be between 1 hour and 2^32 seconds"
        )
    given = settings.service_account_signing_key_file
    flag = "--service-account-signing-key-file"
    signer = _signer(flag, Path(given)) if given else _own_signer(settings.cert_dir)
    verifiers = [
        verifier
        for name in settings.service_account_key_files
        for verifier in _verifiers("--service-account-key-file", Path(name))
    ]
    verifiers.append(signer.verifier)
    different = {each.key_id: each for each in reversed(verifiers)}
    issuers = settings.service_account_issuers or (ISSUER,)
    _check_issuers(issuers)
    audiences = settings.api_audiences or issuers[:1]
    ordered = tuple(different[key_id] for key_id in dict.fromkeys(each.key_id for each in verifiers))
    trust = Trust(ordered, issuers, audiences, settings.service_account_lookup)
    return AccountKeys(signer, issuers[0], trust)


def _check_issuers(issuers: tuple[str, ...]) -> None:
    for issuer in issuers:
        if issuers.count(issuer) > 1:
            raise SettingsProblem(f'--service-account-issuer: "{issuer}" is already specified')
        if ":" in issuer:
            try:
                urlsplit(issuer)
            except ValueError as problem:
                raise SettingsProblem(
                    f"--service-account-issuer: \"{issuer}\" contained a ':' but was not a valid URL: {problem}"
                ) from None


def _own_signer(directory: Path) -> Signer:
    path = directory / "sa.key"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        pki.write_key(path, ec.generate_private_key(ec.SECP256R1()))
    return _signer("--cert-dir", path)


def _signer(flag: str, path: Path) -> Signer:
    for label, block in _blocks(flag, path):
        if label.endswith("PRIVATE KEY"):
            signer: Signer = _read(flag, path, lambda: Signer(_private(block)))  # noqa: B023 - called at once
            return signer
    raise SettingsProblem(f"{flag}: {path} holds no PEM private key")


def _verifiers(flag: str, path: Path) -> Iterator[Verifier]:
    found = False
    for label, block in _blocks(flag, path):
        public = _PUBLIC.get(label)
        if public is not None:
            found = True
            yield _read(flag, path, lambda: verifier_of(public(block)))  # noqa: B023 - called at once
    if not found:
        raise SettingsProblem(f"{flag}: {path} does not contain any valid RSA or ECDSA public keys")


def _private(block: bytes) -> Any:
    return serialization.load_pem_private_key(block, None)


def _of_private(block: bytes) -> Any:
    return _private(block).public_key()


def _of_certificate(block: bytes) -> Any:
    return x509.load_pem_x509_certificate(block).public_key()


_PUBLIC: Final[dict[str, Callable[[bytes], Any]]] = {
    "PUBLIC KEY": serialization.load_pem_public_key,
    "RSA PUBLIC KEY": serialization.load_pem_public_key,
    "CERTIFICATE": _of_certificate,
    **dict.fromkeys(("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"), _of_private),
}


def _blocks(flag: str, path: Path) -> list[tuple[str, bytes]]:
    try:
        text = path.read_bytes()
    except OSError as problem:
        raise SettingsProblem(f"{flag}: cannot read {path}: {problem.strerror}") from None
    return [(match[1].decode(), match[0]) for match in _BLOCK.finditer(text)]


def _read(flag: str, path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (ValueError, TypeError, AttributeError) as problem:
        raise SettingsProblem(f"{flag}: a key in {path} cannot be used: {problem}") from None
