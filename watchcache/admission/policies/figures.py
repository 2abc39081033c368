"""How often policies were asked and what they said, for the metrics.

Source: k/k apiserver pkg/admission/plugin/policy/{validating,mutating}/metrics/metrics.go.
"""

from __future__ import annotations

from typing import Final

from watchcache.distribution import Distribution

BOUNDS: Final = (0.0000005, 0.001, 0.01, 0.1, 1.0)
"""Seconds: those of `apiserver_*_admission_policy_check_duration_seconds`."""


class Figures:
    """Of all policies of one kind since the start, by policy, binding, kind of error and action."""

    def __init__(self) -> None:
        self.durations: dict[tuple[str, str, str, str], Distribution] = {}

    def count(self, policy: str, binding: str, error: str, action: str, seconds: float) -> None:
        """One expression was evaluated, which has come to this."""
        key = policy, binding, error, action
        self.durations.setdefault(key, Distribution(BOUNDS)).observe(seconds)
