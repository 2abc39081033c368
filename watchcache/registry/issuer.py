"""Who signs the tokens of service accounts, as the registry knows it: the key itself is elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from watchcache.registry.calls import Document


class Issuer(msgspec.Struct, frozen=True):
    """`sign` makes a token of claims, which are in the name `name`. `audiences` are the API's.

    `longest`: the seconds that a token may be valid, 0 for any number. `extends`: a year for the tokens that the ServiceAccount plugin puts into pods.
    """

    sign: Callable[[Document], str]
    name: str
    audiences: tuple[str, ...]
    longest: int = 0
    extends: bool = True
