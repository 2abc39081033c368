"""What is remembered of specs that come again and again: pods are made in hundreds from one template."""

from __future__ import annotations

from typing import Any, Final

import msgspec

LONGEST: Final = 8 << 10
"""Bytes of a spec that is remembered: larger ones are few, and a client may make any number of them."""
KEPT: Final = 256
"""Specs that are remembered for one purpose: with what became of them they stay below 6 MiB."""
_ENCODER: Final = msgspec.json.Encoder()


def template_key(spec: Any) -> bytes | None:
    """The encoding by which a spec is found again; None for one that is too long, or has numbers and texts that only Go's rules can judge."""
    try:
        encoded = _ENCODER.encode(spec)
    except (msgspec.MsgspecError, RecursionError, OverflowError, ValueError):
        return None
    return encoded if len(encoded) <= LONGEST else None
