"""Definitions of custom resources; the rules are `api.custom`'s."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from watchcache.api.facts import CRDS
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document, Rule


def _check(new: Document, old: Document | None) -> Iterable[Cause]:
    # Only here: a server that nobody defines anything on does without the modules behind it.
    from watchcache.api.custom.definition import check_definition  # noqa: PLC0415

    return check_definition(new, old)


RULES: Final[dict[tuple[str, str], Rule]] = {CRDS: _check}
