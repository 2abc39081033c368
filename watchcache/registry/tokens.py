"""A POST to `serviceaccounts/NAME/token`: a token for an account, bound to its life and perhaps to that of a pod, a secret or a node.

Nothing is stored. What is signed is handed out once, and holds as long as what it names is there (`auth.accounts`). Sources: k/k
pkg/registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/claims.go, and the answers in `tests/accounts`.
"""

from __future__ import annotations

from typing import Final

from watchcache.api import status
from watchcache.api.meta import new_uid
from watchcache.api.status import Cause, GroupKind
from watchcache.api.user import ANONYMOUS, account_name
from watchcache.registry.calls import Call, Document, Outcome
from watchcache.registry.deletion import timestamp
from watchcache.registry.issuer import Issuer
from watchcache.registry.store import Store, head_of

KIND: Final = GroupKind("authentication.k8s.io", "TokenRequest")
USUAL: Final = 3600
_SHORTEST: Final = 600
_LONGEST: Final = 1 << 32
WARNING_AFTER: Final = 3607
"""Seconds that the ServiceAccount plugin asks for. Who asks for just these, for the API and a pod, gets a year, and is counted after an hour."""
_YEAR: Final = 365 * 24 * 3600
_BINDABLE: Final = frozenset({"Pod", "Secret", "Node"})


async def request(store: Store, issuer: Issuer, call: Call, document: Document) -> Outcome:
    """The TokenRequest, of its own kind by now, with its token; 201. Raises StatusError."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    if (metadata.get("name") or call.name) != call.name:
        text = f'Invalid value: "{metadata["name"]}": must match the service account name if specified'
        raise status.invalid(KIND, call.name, [Cause("FieldValueInvalid", text, "metadata.name")])
    account = await _read(store, ("ServiceAccount", call.namespace, call.name))
    uid = account["metadata"]["uid"]
    if (metadata.get("uid") or uid) != uid:
        text = f"the UID in the token request ({metadata['uid']}) does not match the UID of the service account ({uid})"
        raise status.conflict(KIND, call.name, text)
    spec = {
        "audiences": spec.get("audiences") or list(issuer.audiences),
        "expirationSeconds": _seconds(spec),
        "boundObjectRef": spec.get("boundObjectRef"),
    }
    bound = await _bound(store, call, spec["boundObjectRef"])
    _shorten(issuer, call, spec)
    now = int(store.clock())
    claims = _claims(issuer, account, spec, bound, now) | {"jti": new_uid(store.random)}
    kept = {name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)}
    identity = {"name": call.name, "namespace": call.namespace, "uid": uid}
    ends = timestamp(now + spec["expirationSeconds"])
    answer: Document = {"kind": KIND.kind, "apiVersion": "authentication.k8s.io/v1"}
    answer["metadata"] = {**identity, "creationTimestamp": timestamp(now), **kept}
    answer["spec"] = spec
    answer["status"] = {"token": issuer.sign(claims), "expirationTimestamp": ends}
    return Outcome(201, document=answer)


def _seconds(spec: Document) -> int:
    """How long it is to hold. Raises StatusError 422."""
    seconds = spec.get("expirationSeconds")
    if seconds is None:
        return USUAL
    if seconds < _SHORTEST:
        problem = "may not specify a duration less than 10 minutes"
    elif seconds > _LONGEST:
        problem = "may not specify a duration larger than 2^32 seconds"
    else:
        return int(seconds)
    cause = Cause("FieldValueInvalid", f"Invalid value: {seconds}: {problem}", "spec.expirationSeconds")
    raise status.invalid(KIND, "", [cause])


def _shorten(issuer: Issuer, call: Call, spec: Document) -> None:
    """No longer than the operator wants."""
    asked = spec["expirationSeconds"]
    if 0 < issuer.longest < asked:
        call.warnings.append(f"requested expiration of {asked} seconds shortened to {issuer.longest} seconds")
        spec["expirationSeconds"] = issuer.longest


async def _bound(store: Store, call: Call, reference: Document | None) -> dict[str, Document]:
    """References to what a token is bound to, as it claims them. Raises StatusError."""
    if reference is None:
        return {}
    name, kind = reference.get("name") or "", reference.get("kind") or ""
    group, _, version = _version(reference.get("apiVersion") or "")
    if group or kind not in _BINDABLE:
        raise status.bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    if not name:
        raise status.bad_request("Name parameter required.")
    found = await _read(store, (kind, call.namespace, name))
    references = {kind.lower(): _reference(found)}
    if kind == "Pod":
        references |= await _node_of(store, call, found)
    wanted = reference.get("uid") or ""
    if wanted and wanted != found["metadata"]["uid"]:
        text = (
            f"the UID in the bound object reference ({wanted}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(kind, name, text)
    return references


def _version(text: str) -> tuple[str, str, str]:
    """Group and version as Go's schema.FromAPIVersionAndKind takes them: what it cannot read is nothing."""
    if text.count("/") > 1:
        return "", "", ""
    group, slash, version = text.partition("/")
    return (group, slash, version) if slash else ("", "", text)


async def _node_of(store: Store, call: Call, pod: Document) -> dict[str, Document]:
    """Where a pod runs, by name alone when its node is not there. Raises StatusError for the pod of another account."""
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName", "") != call.name:
        raise status.bad_request(
            f'cannot bind token for serviceaccount "{call.name}" to pod running with different serviceaccount name.'
        )
    name = spec.get("nodeName")
    if not name:
        return {}
    try:
        return {"node": _reference(await _read(store, ("Node", "", name)))}
    except status.StatusError:
        return {"node": {"name": name}}


def _reference(document: Document) -> Document:
    return {"name": document["metadata"]["name"], "uid": document["metadata"]["uid"]}


async def _read(store: Store, what: tuple[str, str, str]) -> Document:
    """The newest state of an object: kind, namespace, name. Raises StatusError 404."""
    kind, namespace, name = what
    resource = store.catalog.of_kind("", "v1", kind)
    assert resource is not None, kind
    call = Call(resource, ANONYMOUS, "get", namespace, name)
    head = await head_of(store, call.key)
    if head is None:
        raise status.not_found(resource.group_resource, name)
    return store.document(resource, head.value)


def _claims(
    issuer: Issuer, account: Document, spec: Document, bound: dict[str, Document], now: int
) -> Document:
    """What the token says; times in unix seconds."""
    namespace, name = account["metadata"]["namespace"], account["metadata"]["name"]
    own: Document = {"namespace": namespace, "serviceaccount": _reference(account), **bound}
    lasts = spec["expirationSeconds"]
    if (
        issuer.extends
        and "pod" in bound
        and lasts == WARNING_AFTER
        and issuer.audiences
        and set(spec["audiences"]) <= set(issuer.audiences)
    ):
        own["warnafter"] = now + lasts
        lasts = _YEAR
    return {
        "iss": issuer.name,
        "sub": account_name(namespace, name),
        "aud": spec["audiences"],
        "iat": now,
        "nbf": now,
        "exp": now + lasts,
        "kubernetes.io": own,
    }
