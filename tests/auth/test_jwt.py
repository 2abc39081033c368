"""The parser of tokens, and who is let in by one: whatever a text is, it is a good token or is refused in words."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from watchcache.auth import AccountAuthenticator, Credentials, Rejected, Signer, Trust
from watchcache.auth.jwt import InvalidToken, encoded, parse, verifier_of

NOW = 1_700_000_000.0
KEYS = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}
SIGNERS = {name: Signer(key) for name, key in KEYS.items()}
AUDIENCE = "https://kubernetes.default.svc"
CLAIMS: dict[str, Any] = {
    "iss": AUDIENCE,
    "aud": [AUDIENCE],
    "sub": "system:serviceaccount:ns:robot",
    "exp": NOW + 600,
    "iat": NOW,
    "nbf": NOW,
    "jti": "id",
    "kubernetes.io": {
        "namespace": "ns",
        "serviceaccount": {"name": "robot", "uid": "u1"},
        "pod": {"name": "p", "uid": "u2"},
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class World:
    """The objects there are, a clock, and an authenticator that knows of both."""

    def __init__(self, *algorithms: str) -> None:
        self.now = NOW
        self.asked = 0
        self.objects = {
            ("serviceaccounts", "ns/robot"): {"metadata": {"uid": "u1"}},
            ("pods", "ns/p"): {"metadata": {"uid": "u2"}},
        }
        verifiers = tuple(SIGNERS[name].verifier for name in algorithms or ("ES256",))
        trust = Trust(verifiers, (AUDIENCE,), (AUDIENCE,))
        self.authenticator = AccountAuthenticator(trust, self.find, lambda: self.now)

    def find(self, prefix: str, key: str) -> bytes | None:
        self.asked += 1
        found = self.objects.get((prefix, key))
        return None if found is None else msgspec.json.encode(found)

    def name(self, token: str) -> str | None:
        user = self.authenticator.authenticate(Credentials(None, f"Bearer {token}"))
        return None if user is None else user.name


@pytest.mark.parametrize("algorithm", sorted(SIGNERS))
def test_a_signed_token_is_read_and_verified(algorithm: str):
    """With each type of key, by the algorithm of that type; its key as a JWK says the same."""
    signer = SIGNERS[algorithm]
    token = signer.sign(CLAIMS)
    parsed = parse(token)
    assert parsed.claims == CLAIMS
    assert parsed.header == {"alg": algorithm, "kid": signer.verifier.key_id}
    signer.verifier.check(parsed)
    assert signer.verifier.jwk()["alg"] == algorithm
    assert World(algorithm).name(token) == "system:serviceaccount:ns:robot"


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.BrainpoolP384R1()])
def test_a_key_of_another_curve_is_none(curve: ec.EllipticCurve):
    """Also when it is as long as one that may be."""
    with pytest.raises(ValueError, match="neither"):
        verifier_of(ec.generate_private_key(curve).public_key())


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){0,4}", fullmatch=True))
def test_a_text_is_no_token_and_no_failure(text: str):
    """Random texts are not recognised, and nothing else is raised."""
    with pytest.raises(InvalidToken):
        parse(text)
    assert World().authenticator.review(text, (AUDIENCE,)) is None


@given(st.sampled_from(sorted(SIGNERS)), st.data())
def test_a_spoiled_token_never_passes(algorithm: str, data: st.DataObject):
    """One character is another: no spelling of a token passes but its own."""
    token = SIGNERS[algorithm].sign(CLAIMS)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCxyz019-_.=").filter(lambda character: character != token[place]))
    assert not passes(World(algorithm), token[:place] + other + token[place + 1 :])


@given(st.dictionaries(st.sampled_from(["alg", "kid", "crit", "typ", "jwk", "b64"]), JSON, min_size=1))
def test_a_header_chooses_nothing(header: dict[str, Any]):
    """Whatever an unsigned header says, the signature of another key is no signature."""
    body = f"{packed(header)}.{packed(CLAIMS)}"
    signature = SIGNERS["ES384"].sign(CLAIMS).rpartition(".")[2]
    assert not passes(World("ES256", "RS256"), f"{body}.{signature}")


@given(st.sampled_from([*CLAIMS, "kubernetes.io/serviceaccount/namespace"]), JSON)
def test_claims_of_any_form_are_judged(claim: str, value: Any):
    """A token that we have signed, with a claim of any type: good or refused, and good only for the account it names."""
    claims = {**CLAIMS, claim: value}
    name = outcome(World(), SIGNERS["ES256"].sign(claims))
    assert name in {None, "", "system:serviceaccount:ns:robot"}
    if claim == "iss" and value != AUDIENCE:
        assert name != "system:serviceaccount:ns:robot"


@given(st.dictionaries(st.sampled_from(["namespace", "serviceaccount", "pod", "secret", "node"]), JSON))
def test_references_of_any_form_are_judged(own: dict[str, Any]):
    """What is bound to nothing that is there does not pass."""
    assert not passes(World(), SIGNERS["ES256"].sign({**CLAIMS, "kubernetes.io": own}))


def test_a_signature_is_checked_once_and_objects_each_time():
    """A token ends with what it is bound to, at once, and with its time."""
    world, token = World(), SIGNERS["ES256"].sign(CLAIMS)
    assert world.name(token)
    asked = world.asked
    assert world.name(token)
    assert world.asked == asked + 2
    gone = world.objects.pop(("pods", "ns/p"))
    assert not passes(world, token)
    world.objects["pods", "ns/p"] = gone
    assert world.name(token)
    world.now = NOW + 661
    with pytest.raises(Rejected, match="has expired"):
        world.name(token)


def test_what_is_deleted_gracefully_counts_for_a_minute_more():
    """Clocks may differ by as much; then the token is refused although nothing has changed."""
    world, token = World(), SIGNERS["ES256"].sign(CLAIMS)
    world.objects["pods", "ns/p"]["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:50Z"  # NOW + 30
    assert world.name(token)
    world.now = NOW + 90
    assert world.name(token)
    world.now = NOW + 90.5
    assert not passes(world, token)


def packed(document: Any) -> str:
    """A part of a token."""
    return encoded(json.dumps(document).encode())


def outcome(world: World, token: str) -> str | None:
    """The user's name, None for a token that is nobody's, "" when it is refused."""
    try:
        return world.name(token)
    except Rejected:
        return ""


def passes(world: World, token: str) -> bool:
    """Whether a token lets somebody in."""
    return bool(outcome(world, token))


def test_base64_has_one_spelling():
    """Bits behind the last byte, padding and the other alphabet are refused."""
    head, body, signature = SIGNERS["ES256"].sign(CLAIMS).split(".")
    for spelled in (signature + "=", urlsafe_b64encode(b"\xff\xff").decode(), "AB", "A", "+/"):
        with pytest.raises(InvalidToken):
            parse(f"{head}.{body}.{spelled}")
