"""Authentication by the tokens of service accounts: those that the server signs, and the older ones that are kept in secrets.

Rules, as of kube-apiserver (k/k pkg/serviceaccount/{jwt,claims,legacy}.go; the words recorded in `tests/accounts`):

- A token of another issuer is none of ours: somebody else may know it. One of our issuer is good or `Rejected`.
- What a token is bound to must be there with the same uid: the account, and a pod, a secret or a node. One that is being deleted counts
  for another minute after its grace, as clocks may differ by so much.
- A token without audiences, as the older ones are, is for the API.

What a signature says of a token never changes, so it is checked once for each text that is remembered. Whether the objects are there is
looked up each time, but read only when they are others than last time: `find` gives the same bytes as long as an object is the same. So a token ends
with its pod, at once; kube-apiserver goes on for ten seconds.
"""

from __future__ import annotations

import base64
import hmac
import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from watchcache.api.user import UserInfo, account_groups, account_name
from watchcache.auth.authenticator import Credentials, Recognized, Rejected, with_authenticated_group
from watchcache.auth.jwt import InvalidToken, Token, Verifier, parse
from watchcache.auth.tokens import bearer_token

Find = Callable[[str, str], bytes | None]
"""(storage prefix, key below it) -> the object's bytes as last published; None when it is not there."""

KEPT: Final = 4096
"""Tokens remembered; one takes 3 KiB, so that they stay below 12 MiB."""
LEEWAY: Final = 60.0
"""Seconds that clocks may differ by."""
LEGACY_ISSUER: Final = "kubernetes/serviceaccount"
EXTRA: Final = "authentication.kubernetes.io/"
_OLD: Final = "kubernetes.io/serviceaccount/"
_INVALID_SINCE: Final = "kubernetes.io/legacy-token-invalid-since"


class Trust(msgspec.Struct, frozen=True):
    """Whose tokens are accepted: their keys, their issuers, the API's own audiences; `lookup`: an older token must be in its secret."""

    verifiers: tuple[Verifier, ...]
    issuers: tuple[str, ...]
    audiences: tuple[str, ...]
    lookup: bool = True


class _Reading(NamedTuple):
    """What the objects that a token is bound to said: their bytes, the user, and when (unix seconds) it is to be asked again."""

    objects: tuple[bytes | None, ...]
    user: UserInfo
    until: float


class _Known(msgspec.Struct):
    """A token whose signature is good."""

    claims: Claims
    audiences: tuple[str, ...]
    reading: _Reading | None = None


class AccountAuthenticator:
    """Recognises the tokens of service accounts; `clock` gives unix seconds."""

    def __init__(self, trust: Trust, find: Find, clock: Callable[[], float]) -> None:
        self._trust = trust
        self._find = find
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        """The account of a bearer token for the API; None without one of ours. Raises `Rejected`."""
        token = bearer_token(credentials.authorization)
        recognized = self.review(token, self._trust.audiences) if token else None
        return None if recognized is None else recognized.user

    def review(self, text: str, audiences: Sequence[str]) -> Recognized | None:
        """The account of a token, if that is for one of the audiences; None when it is not of our issuers. Raises `Rejected`."""
        known = self._known.get(text)
        if known is None:
            known = self._verified(text)
            if known is None:
                return None
        wanted = tuple(each for each in audiences if each in known.audiences)
        if not wanted:
            raise Rejected(
                f"token audiences {_listed(known.audiences)} is invalid for the target audiences {_listed(audiences)}"
            )
        reading, now = known.reading, self._clock()
        if reading is None or now >= reading.until or self._objects(known.claims) != reading.objects:
            known.reading = None
            reading = known.reading = self._read(text, known, now)
        return Recognized(reading.user, wanted)

    def _objects(self, claims: Claims) -> tuple[bytes | None, ...]:
        return tuple(self._find(prefix, key) for prefix, key in claims.references)

    def _verified(self, text: str) -> _Known | None:
        """A token that our key has signed; None when its issuer is another's. Raises `Rejected`."""
        try:
            token = parse(text)
        except InvalidToken:
            return None
        issuer = token.claims.get("iss")
        legacy = issuer == LEGACY_ISSUER
        if not legacy and issuer not in self._trust.issuers:
            return None
        try:
            self._check_signature(token)
            claims = legacy_claims(token.claims) if legacy else bound_claims(token.claims)
            audiences = _audiences(token.claims.get("aud")) or self._trust.audiences
        except InvalidToken as error:
            raise Rejected(str(error)) from None
        if len(self._known) >= KEPT:
            self._known.clear()
        known = self._known[text] = _Known(claims, audiences)
        return known

    def _check_signature(self, token: Token) -> None:
        key_id = _typed(token.header.get("kid"), str)
        candidates = [each for each in self._trust.verifiers if key_id in {"", each.key_id}]
        if not candidates:
            raise InvalidToken("invalid signature, no keys found")
        refusal: InvalidToken | None = None
        for verifier in candidates:
            try:
                verifier.check(token)
            except InvalidToken as error:
                refusal = error
            else:
                return
        assert refusal is not None
        raise refusal

    def _read(self, text: str, known: _Known, now: float) -> _Reading:
        """What the objects say now. Raises `Rejected`."""
        claims = known.claims
        objects = self._objects(claims)
        ends = claims.check_time(now)
        if claims.legacy and not self._trust.lookup:
            return _Reading(objects, claims.user, ends)
        documents = [None if value is None else _Object.of(value) for value in objects]
        if claims.legacy:
            _check_legacy(claims, documents, text)
            return _Reading(objects, claims.user, ends)
        for (kind, reference), document in zip(claims.bound, documents, strict=True):
            ends = min(ends, _check_bound(kind, reference, document, now))
        return _Reading(objects, claims.user, ends)


class Reference(NamedTuple):
    """The name and the uid of an object."""

    name: str
    uid: str


class Claims(NamedTuple):
    """What a token says: its user, the objects that must be there (kind and reference; storage prefix and key), and its times in unix seconds."""

    user: UserInfo
    bound: tuple[tuple[str, Reference], ...]
    references: tuple[tuple[str, str], ...]
    expires: float = math.inf
    valid_from: float = -math.inf
    issued: float = -math.inf
    legacy: bool = False

    def check_time(self, now: float) -> float:
        """When it is over. Raises `Rejected` before its time and after it."""
        if now + LEEWAY < self.valid_from:
            raise Rejected("service account token is not valid yet")
        if now - LEEWAY > self.expires:
            raise Rejected("service account token has expired")
        if now + LEEWAY < self.issued:
            raise Rejected("service account token is issued in the future")
        return self.expires + LEEWAY


def bound_claims(claims: dict[str, Any]) -> Claims:
    """The claims of a token as the server signs them. Raises InvalidToken when they have other types."""
    own = _typed(claims.get("kubernetes.io"), dict)
    namespace = _typed(own.get("namespace"), str)
    account = _reference(own.get("serviceaccount")) or Reference("", "")
    pod, secret, node = (_reference(own.get(kind)) for kind in ("pod", "secret", "node"))
    extra: dict[str, tuple[str, ...]] = {}
    if identity := _typed(claims.get("jti"), str):
        extra["credential-id"] = (f"JTI={identity}",)
    if pod is not None and pod.name and pod.uid:
        extra |= {"pod-name": (pod.name,), "pod-uid": (pod.uid,)}
    if node is not None:
        extra |= {
            f"node-{what}": (value,) for what, value in (("name", node.name), ("uid", node.uid)) if value
        }
    bound = [("service account", account)]
    references = [("serviceaccounts", f"{namespace}/{account.name}")]
    for kind, reference in (("secret", secret), ("pod", pod)):
        if reference is not None:
            bound.append((kind, reference))
            references.append((f"{kind}s", f"{namespace}/{reference.name}"))
    if node is not None and pod is None:  # a pod's node is told, and need not be there
        bound.append(("node", node))
        references.append(("minions", node.name))
    user = account_user(namespace, account.name, account.uid, {EXTRA + key: extra[key] for key in extra})
    expires = _time(claims.get("exp"), math.inf)
    valid_from, issued = (_time(claims.get(name), -math.inf) for name in ("nbf", "iat"))
    _typed(claims.get("sub"), str)
    return Claims(user, tuple(bound), tuple(references), expires, valid_from, issued)


def legacy_claims(claims: dict[str, Any]) -> Claims:
    """The claims of a token that a secret keeps. Raises InvalidToken for one that is missing."""
    subject = _typed(claims.get("sub"), str)
    fields = [("namespace", "namespace"), ("secret.name", "secretName")]
    fields += [("service-account.name", "serviceAccountName"), ("service-account.uid", "serviceAccountUID")]
    said = [("sub", subject), *((name, _typed(claims.get(_OLD + field), str)) for field, name in fields)]
    for name, value in said:
        if not value:
            raise InvalidToken(f"{name} claim is missing")
    namespace, secret, account, uid = (value for _, value in said[1:])
    user = account_user(namespace, account, uid, {})
    if subject != user.name:
        raise InvalidToken("sub claim is invalid")
    bound = (("secret", Reference(secret, "")), ("service account", Reference(account, uid)))
    references = (("secrets", f"{namespace}/{secret}"), ("serviceaccounts", f"{namespace}/{account}"))
    return Claims(user, bound, references, legacy=True)


def account_user(namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]]) -> UserInfo:
    """The user that an account is to everybody else."""
    user = UserInfo(account_name(namespace, name), uid, account_groups(namespace), extra)
    return with_authenticated_group(user)


class _Object(msgspec.Struct, frozen=True):
    """What is read of an object."""

    class Metadata(msgspec.Struct, frozen=True):
        """Of its metadata."""

        uid: str = ""
        deletion_timestamp: str = msgspec.field(default="", name="deletionTimestamp")
        labels: dict[str, str] = msgspec.field(default_factory=dict)

    metadata: Metadata
    data: dict[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, value: bytes) -> _Object:
        """Of an object's bytes; `data` is a secret's."""
        return msgspec.json.decode(value, type=cls)


def _check_bound(kind: str, reference: Reference, document: _Object | None, now: float) -> float:
    """When (unix seconds) an object counts no more. Raises `Rejected` when it does not count now."""
    if document is None:
        if kind == "service account":
            missing = f'serviceaccounts "{reference.name}" not found'
            raise Rejected(missing if reference.name else "resource name may not be empty")
        raise Rejected("service account token has been invalidated")
    if document.metadata.uid != reference.uid:
        whose = "claim" if kind == "service account" else f"service account {kind} ref claim"
        raise Rejected(f"{kind} UID ({document.metadata.uid}) does not match {whose} ({reference.uid})")
    if not document.metadata.deletion_timestamp:
        return math.inf
    ends = datetime.fromisoformat(document.metadata.deletion_timestamp).timestamp() + LEEWAY
    if now > ends:
        text = "has been deleted" if kind == "service account" else "token has been invalidated"
        raise Rejected(f"service account {text}")
    return ends


def _check_legacy(claims: Claims, documents: Sequence[_Object | None], text: str) -> None:
    """Refuse (`Rejected`) a token that its secret does not hold, or whose account is another."""
    secret, account = documents
    (_, of_secret), (_, of_account) = claims.bound
    namespace = claims.references[1][1].partition("/")[0]
    if secret is None or secret.metadata.deletion_timestamp:
        raise Rejected("Token has been invalidated")
    kept = base64.b64decode(secret.data.get("token", ""))
    if not hmac.compare_digest(kept, text.encode()):
        raise Rejected("Token does not match server's copy")
    if account is None:
        raise Rejected(f'serviceaccounts "{of_account.name}" not found')
    whole = f"{namespace}/{of_account.name}"
    if account.metadata.deletion_timestamp:
        raise Rejected(f"ServiceAccount {whole} has been deleted")
    if account.metadata.uid != of_account.uid:
        raise Rejected(f"ServiceAccount UID ({account.metadata.uid}) does not match claim ({of_account.uid})")
    if secret.metadata.labels.get(_INVALID_SINCE):
        raise Rejected(
            f"the token in secret {namespace}/{of_secret.name} for service account {whole} has been marked invalid. "
            "Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
            f"'{_INVALID_SINCE}' label from the secret to temporarily allow use of this token"
        )


def _typed(value: Any, kind: type) -> Any:
    """A claim of a type; what is absent is empty. Raises InvalidToken."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise InvalidToken("a claim has another type")
    return value


def _reference(value: Any) -> Reference | None:
    if value is None:
        return None
    fields = _typed(value, dict)
    return Reference(_typed(fields.get("name"), str), _typed(fields.get("uid"), str))


def _time(value: Any, absent: float) -> float:
    """A NumericDate; 0 counts as absent, as it does in Go. Raises InvalidToken."""
    if value is None or value == 0:
        return absent
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken("go-jose/go-jose/jwt: expected number value to unmarshal NumericDate")
    if not -(2**63) <= value < 2**63:
        raise InvalidToken("a claim has another type")
    return float(int(value))


def _audiences(value: Any) -> tuple[str, ...]:
    """One text or several. Raises InvalidToken."""
    if value is None:
        return ()
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise InvalidToken("go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience")
    return tuple(several)


def _listed(audiences: Sequence[str]) -> str:
    """As Go prints texts with %q."""
    return f"[{' '.join(msgspec.json.encode(each).decode() for each in audiences)}]"
