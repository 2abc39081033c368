"""Levels and versions, as the labels of a namespace name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_PREFIX: Final = "pod-security.kubernetes.io/"
_LEVELS: Final = ("privileged", "baseline", "restricted")
"""From what allows most to what allows least."""
_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]*)")
_MOST: Final = 2**63 - 1
"""What a number of a version has to fit into."""
_NO_LEVEL: Final = "must be one of privileged, baseline, restricted"
_NO_VERSION: Final = 'must be "latest" or "v1.x"'


class Standard(NamedTuple):
    """A level in one version: the minor of `v1.N`, None for the latest."""

    level: str = "privileged"
    minor: int | None = None

    def __str__(self) -> str:
        """As messages and labels have it: `restricted:v1.30`."""
        return f"{self.level}:{'latest' if self.minor is None else f'v1.{self.minor}'}"


class Policy(NamedTuple):
    """What a namespace enforces, and what it warns of; nothing is kept of what it audits."""

    enforce: Standard = Standard()
    warn: Standard = Standard()


class Mistake(NamedTuple):
    """A label that is not understood."""

    label: str
    value: str
    text: str


def policy_of(labels: Mapping[str, str]) -> tuple[Policy, list[Mistake]]:
    """The policy, and what is wrong with the labels: what enforces counts as restricted then, what warns as privileged, a version as the latest."""
    mistakes: list[Mistake] = []
    enforce = _standard(labels, "enforce", "restricted", mistakes)
    _standard(labels, "audit", "privileged", mistakes)
    warn = _standard(labels, "warn", "privileged", mistakes)
    warns, enforces = f"{_PREFIX}warn", labels.get(f"{_PREFIX}enforce")
    if warns not in labels and enforces in _LEVELS and enforces != "privileged":
        warn = Standard(enforces, warn.minor if f"{warns}-version" in labels else enforce.minor)
    return Policy(enforce, warn), mistakes


def _standard(labels: Mapping[str, str], mode: str, otherwise: str, mistakes: list[Mistake]) -> Standard:
    label = f"{_PREFIX}{mode}"
    level = labels.get(label, "privileged")
    if level not in _LEVELS:
        mistakes.append(Mistake(label, level, _NO_LEVEL))
        level = otherwise
    label = f"{label}-version"
    version = labels.get(label, "latest")
    if version == "latest":
        return Standard(level)
    match = _VERSION.fullmatch(version)
    if match is None or int(match[1]) > _MOST:
        mistakes.append(Mistake(label, version, _NO_VERSION))
        return Standard(level)
    return Standard(level, int(match[1]))


def tightened(new: Standard, old: Standard) -> bool:
    """Whether pods that were allowed may not be any more: another version counts as such, a lower level of the same one does not."""
    if new == old or new.level == "privileged":
        return False
    return new.minor != old.minor or _LEVELS.index(new.level) > _LEVELS.index(old.level)
