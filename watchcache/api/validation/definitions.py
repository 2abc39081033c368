"""Definitions of custom resources; the rules are `api.custom`'s."""

from __future__ import annotations

from typing import Final

from watchcache.api.custom.definition import check_definition
from watchcache.api.facts import CRDS
from watchcache.api.validation.rules import Rule

RULES: Final[dict[tuple[str, str], Rule]] = {CRDS: check_definition}
