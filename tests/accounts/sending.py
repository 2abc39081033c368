"""Sends requests about service accounts: keeps tokens and uids of answers, spoils tokens, and reads what tokens claim."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.golden.replay import normal

PATIENCE = 30.0
Request = dict[str, Any]
_TIMES = ("exp", "iat", "nbf", "warnafter")
_KEY_MATERIAL = re.compile(r'"(kid|x|y)": "[A-Za-z0-9_-]{43}"')
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class Sender:
    """A client that may sign, too, with the server's own key.

    A request has method, path, and perhaps body, `as` (the token to come with, "" for none), `keep` (names for what the answer has at
    a path) `headers` (those of the answer that are
        recorded) and `until` (the status to wait for). One with `forge` is not sent: it makes a token of another one.
    """

    def __init__(self, url: str, token: str, context: ssl.SSLContext, key: Path) -> None:
        self._url = url
        self._admin = token
        self._context = context
        self._key = serialization.load_pem_private_key(key.read_bytes(), None)
        self._kept: dict[str, str] = {}

    def send(self, request: Request) -> dict[str, Any]:
        """What came, as it is compared: without what differs from run to run."""
        if "forge" in request:
            self._kept[request["forge"]] = self._forged(request)
            return {}
        deadline = time.monotonic() + PATIENCE
        while True:
            made = self._send(request)
            if made["status"] == request.get("until", made["status"]):
                return made
            assert time.monotonic() < deadline, f"{request['path']} is still {made}"
            time.sleep(0.1)  # kube-apiserver remembers a token for ten seconds; ours asks once

    def _send(self, request: Request) -> dict[str, Any]:
        body = request.get("body")
        data = None if body is None else self._filled(json.dumps(body)).encode()
        token = self._filled(request["as"]) if "as" in request else self._admin
        headers = {"Accept": request.get("accept", "application/json"), "User-Agent": "accounts/1"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if data is not None:
            headers["Content-Type"] = request.get("type", "application/json")
        path = self._filled(request["path"])
        asked = urllib.request.Request(self._url + path, data, headers, method=request["method"])
        try:
            with urllib.request.urlopen(asked, context=self._context, timeout=PATIENCE) as response:
                return self._read(request, response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return self._read(request, error.code, error.read(), error.headers)

    def _read(self, request: Request, status: int, text: bytes, headers: Any) -> dict[str, Any]:
        answer = json.loads(text) if text.startswith(b"{") else text.decode()
        for name, path in request.get("keep", {}).items():
            self._kept[name] = at(answer, path)
        made: dict[str, Any] = {"status": status, "answer": plain(answer)}
        if warnings := headers.get_all("Warning"):
            made["warnings"] = sorted(warnings)
        if wanted := request.get("headers"):
            made["sent"] = {name: headers.get(name) for name in wanted}
        if isinstance(answer, dict) and answer.get("kind") == "TokenRequest":
            made["claimed"] = claimed(answer["status"]["token"])
        return made

    def _filled(self, text: str) -> str:
        return _PLACE.sub(lambda match: self._kept[match[1]], text)

    def _forged(self, request: Request) -> str:
        head, body, signature = self._kept[request["from"]].split(".")
        if "text" in request:  # a change of the text itself
            head, body, signature = (
                request["text"].format(head=head, body=body, signature=signature).split(".")
            )
            return f"{head}.{body}.{signature}"
        header = {**unpacked(head), **request.get("header", {})}
        claims = json.loads(self._filled(json.dumps({**unpacked(body), **request.get("claims", {})})))
        for name, seconds in request.get("shift", {}).items():
            claims[name] = int(time.time()) + seconds
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {name: value for name, value in header.items() if value is not None}
        signed = f"{packed(json.dumps(header).encode())}.{packed(json.dumps(claims).encode())}"
        return f"{signed}.{packed(self._signature(signed.encode(), request.get('key', 'own')))}"

    def _signature(self, signed: bytes, whose: str) -> bytes:
        key = self._key if whose == "own" else ec.generate_private_key(ec.SECP256R1())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)


def plain(answer: Any) -> Any:
    """As recorded: tokens and identities are others each time; a volume's name ends at random."""
    text = json.dumps(normal(answer))
    text = re.sub(r"kube-api-access-[a-z0-9]{5}(?=\")", "kube-api-access-*", text)
    return json.loads(
        re.sub(r"https://[0-9.:]+/openid", "https://*/openid", _KEY_MATERIAL.sub(r'"\1": "*"', text))
    )


def claimed(token: str) -> dict[str, Any]:
    """Header and claims of a token, its times as seconds after it was issued."""
    head, body, _ = token.split(".")
    header, claims = unpacked(head), unpacked(body)
    issued = claims["iat"]
    own = claims.get("kubernetes.io", {})
    for where in (claims, own):
        for name in _TIMES:
            if name in where:
                where[name] -= issued
    return {"header": sorted(header), "alg": header["alg"], "claims": plain(claims)}


def at(answer: Any, path: str) -> str:
    """The text at a path."""
    for name in path.split("."):
        answer = answer[name]
    assert isinstance(answer, str), path
    return answer


def packed(data: bytes) -> str:
    """Base64 of URLs without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> dict[str, Any]:
    """The document in a part of a token."""
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return document
