"""What other services need to verify the tokens of service accounts: the documents of OpenID Connect discovery.

`/.well-known/openid-configuration` names the issuer and `/openid/v1/jwks` its keys. Both are made once. Forms, headers and refusals as
of a kube-apiserver (recorded in `tests/accounts`); without an issuer that is an https URL it has no such paths, nor have we.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from watchcache.api import status
from watchcache.http.exchange import Exchange
from watchcache.http.messages import Reply

CONFIGURATION: Final = "/.well-known/openid-configuration"
KEYS: Final = "/openid/v1/jwks"
_KEPT: Final = ("Cache-Control", "public, max-age=3600")


class OpenId(msgspec.Struct, frozen=True):
    """The issuer and its keys as JWKs; `keys_uri` is where others fetch these, empty for this server."""

    issuer: str
    keys: Sequence[dict[str, str]]
    keys_uri: str = ""

    @property
    def is_discoverable(self) -> bool:
        """Whether the issuer is a URL that discovery may be about."""
        url = urlsplit(self.issuer)
        return url.scheme == "https" and bool(url.netloc)


class OpenIdPages:
    """Answers the two paths. `address` gives host:port as clients reach the server."""

    def __init__(self, openid: OpenId, address: Callable[[], str]) -> None:
        self._openid = openid
        self._address = address
        self._keys = msgspec.json.encode({"keys": list(openid.keys)})

    @property
    def paths(self) -> tuple[str, ...]:
        """Those that are served."""
        return (CONFIGURATION, KEYS) if self._openid.is_discoverable else ()

    def answer(self, exchange: Exchange) -> Reply | None:
        """The answer; None for a path that is not one of them. Raises StatusError 404, 405, 406."""
        path = exchange.info.path
        for own, media_type in ((CONFIGURATION, "application/json"), (KEYS, "application/jwk-set+json")):
            if path.rstrip("/") == own:
                if exchange.request.method != "GET":
                    raise status.method_not_allowed()
                _check_accept(exchange.accept, media_type)
                body = self._keys if own == KEYS else self._configuration()
                return Reply(200, [_KEPT, ("Content-Type", media_type)], body)
            if path.startswith(f"{own}/"):
                raise status.unknown_resource()
        return None

    def _configuration(self) -> bytes:
        openid = self._openid
        document: dict[str, Any] = {
            "issuer": openid.issuer,
            "jwks_uri": openid.keys_uri or f"https://{self._address()}{KEYS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key["alg"] for key in openid.keys}),
        }
        return msgspec.json.encode(document)


def _check_accept(accept: str, offered: str) -> None:
    """Refuse (406) a client that takes something else only."""
    asked = [each.partition(";")[0].strip() for each in accept.split(",")]
    if accept and not {"*/*", offered}.intersection(asked):
        raise status.StatusError(
            406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {offered}", {}
        )
