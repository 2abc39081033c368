"""Signed tokens in their compact form (RFC 7515, 7519): three parts of base64 with dots between, as Kubernetes writes and reads them.

Rules:

- A key is good for one algorithm only, which its type and size say (`algorithm_of`). What a token's header names is compared with that and never
  chooses: a token that says `none`, or HS256 over a public key, is refused.
- Base64 must be canonical, or one signature would have many spellings.
- Whatever the text is, the only error is `InvalidToken`.

The words of errors are those that kube-apiserver passes on from its library.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:  # 40 ms to import: whoever has a key has paid for it
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PublicKey = EllipticCurvePublicKey | RSAPublicKey
    PrivateKey = EllipticCurvePrivateKey | RSAPrivateKey

LONGEST: Final = 1 << 14
"""Characters of a token; those of Kubernetes have about 1,000."""
_UNTRUE: Final = "go-jose/go-jose: error in cryptographic primitive"
_CURVES: Final = {
    "secp256r1": ("ES256", "P-256", 32),
    "secp384r1": ("ES384", "P-384", 48),
    "secp521r1": ("ES512", "P-521", 66),
}
"""An elliptic curve -> algorithm, the curve's name in a JWK, bytes of each half of a signature (RFC 7518, 3.4)."""


class InvalidToken(ValueError):
    """A text is no token, or not one that the key has signed; the message says what is wrong."""


class Token(msgspec.Struct, frozen=True):
    """The parts of a token, of which nothing has been believed yet."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


class Verifier(msgspec.Struct, frozen=True):
    """A public key with what tokens call it by."""

    key: PublicKey
    key_id: str
    algorithm: str

    def check(self, token: Token) -> None:
        """Raises InvalidToken unless the key's owner has signed the token."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415

        if token.header.get("alg") != self.algorithm or "crit" in token.header:
            raise InvalidToken(_UNTRUE)
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(token.signature, token.signed, padding.PKCS1v15(), _hash(self.algorithm))
            else:
                self._check_curve(self.key, token)
        except InvalidSignature:
            raise InvalidToken(_UNTRUE) from None

    def _check_curve(self, key: EllipticCurvePublicKey, token: Token) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

        size = _CURVES[key.curve.name][2]
        if len(token.signature) != 2 * size:
            raise InvalidToken(_UNTRUE)
        r, s = (int.from_bytes(half) for half in (token.signature[:size], token.signature[size:]))
        key.verify(encode_dss_signature(r, s), token.signed, ec.ECDSA(_hash(self.algorithm)))

    def jwk(self) -> dict[str, str]:
        """The key as a JSON Web Key (RFC 7517), its members in kube-apiserver's order."""
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        if isinstance(self.key, rsa.RSAPublicKey):
            numbers = self.key.public_numbers()
            n, e = (encoded(each.to_bytes((each.bit_length() + 7) // 8)) for each in (numbers.n, numbers.e))
            return {"use": "sig", "kty": "RSA", "kid": self.key_id, "alg": self.algorithm, "n": n, "e": e}
        _, curve, size = _CURVES[self.key.curve.name]
        point = self.key.public_numbers()
        x, y = encoded(point.x.to_bytes(size)), encoded(point.y.to_bytes(size))
        head = {"use": "sig", "kty": "EC", "kid": self.key_id, "crv": curve, "alg": self.algorithm}
        return {**head, "x": x, "y": y}


class Signer:
    """A private key that signs tokens."""

    def __init__(self, key: PrivateKey) -> None:
        """Raises ValueError for a key that no algorithm is for."""
        self._key = key
        self.verifier = verifier_of(key.public_key())
        header = {"alg": self.verifier.algorithm, "kid": self.verifier.key_id}
        self._head = encoded(msgspec.json.encode(header))

    def sign(self, claims: dict[str, Any]) -> str:
        """The token that makes these claims, which are written in the order of their names."""
        from cryptography.hazmat.primitives.asymmetric import padding, rsa  # noqa: PLC0415

        body = encoded(msgspec.json.encode(claims, order="deterministic"))
        signed = f"{self._head}.{body}".encode()
        if isinstance(self._key, rsa.RSAPrivateKey):
            signature = self._key.sign(signed, padding.PKCS1v15(), _hash(self.verifier.algorithm))
        else:
            signature = self._sign_with_curve(self._key, signed)
        return f"{signed.decode()}.{encoded(signature)}"

    def _sign_with_curve(self, key: EllipticCurvePrivateKey, signed: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415

        size = _CURVES[key.curve.name][2]
        r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(_hash(self.verifier.algorithm))))
        return r.to_bytes(size) + s.to_bytes(size)


def verifier_of(key: PublicKey) -> Verifier:
    """A key with its algorithm and its id, which kube-apiserver makes of its encoding. Raises ValueError as `Signer` does."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_bytes(serialization.Encoding.DER, form)
    return Verifier(key, encoded(hashlib.sha256(der).digest()), algorithm_of(key))


def algorithm_of(key: object) -> str:
    """The one algorithm that a key is for. Raises ValueError when there is none."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    if isinstance(key, rsa.RSAPublicKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name][0]
    raise ValueError("neither an RSA key nor one of P-256, P-384 or P-521")


def _hash(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415

    return {"ES384": hashes.SHA384, "ES512": hashes.SHA512}.get(algorithm, hashes.SHA256)()


def parse(text: str) -> Token:
    """Take a text apart. Raises InvalidToken."""
    parts = text.split(".", 3)
    if len(parts) != 3 or len(text) > LONGEST:
        raise InvalidToken("not a signed token")
    head, body, signature = parts
    header, claims = _document(head), _document(body)
    return Token(header, claims, f"{head}.{body}".encode(), _decoded(signature))


def _document(part: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_decoded(part), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidToken("a part is no JSON object") from None


def _decoded(part: str) -> bytes:
    """Base64 of URLs, canonical and without padding. Raises InvalidToken."""
    try:
        data = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise InvalidToken("a part is no base64") from None
    if encoded(data) != part:
        raise InvalidToken("a part is no base64")
    return data


def encoded(data: bytes) -> str:
    """Base64 of URLs without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
