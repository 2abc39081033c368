"""What webhooks took and said, for the metrics.

Source: k/k apiserver pkg/admission/metrics/metrics.go.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from watchcache.admission.chain import Operation
from watchcache.distribution import Distribution

BOUNDS: Final = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0)
"""Seconds: those of `apiserver_admission_webhook_admission_duration_seconds`."""
_LARGEST_CODE: Final = 600
_NO_ANSWER: Final = 503
_LEAST_CODE: Final = 400

Key = tuple[str, str, str, str]
"""Name, operation, rejected, type."""


class Figures:
    """Of all webhooks since the start."""

    def __init__(self) -> None:
        self.durations: dict[Key, Distribution] = {}
        self.requests: Counter[tuple[str, str, str, str, str]] = Counter()
        """By code, name, operation, rejected, type."""
        self.rejections: Counter[tuple[str, str, str, str, str]] = Counter()
        """By error type, name, operation, code, type."""
        self.failed_open: Counter[tuple[str, str]] = Counter()
        """By name and type."""

    def answered(self, name: str, kind: str, operation: Operation, seconds: float) -> None:
        """It had nothing against a write."""
        self._observe(name, kind, operation, seconds, 200, rejected=False)

    def refused(self, name: str, kind: str, operation: Operation, seconds: float, code: int) -> None:
        """It refused one."""
        self._observe(name, kind, operation, seconds, code, rejected=True)
        self._reject("no_error", name, kind, operation, code)

    def failed(
        self, name: str, kind: str, operation: Operation, seconds: float, code: int, *, ignored: bool
    ) -> None:
        """It could not be asked; `code` is that of its HTTP answer, 0 where there was none to speak of."""
        code = code if code >= _LEAST_CODE else _NO_ANSWER
        self._observe(name, kind, operation, seconds, code, rejected=not ignored)
        if ignored:
            self.failed_open[name, kind] += 1
        else:
            self._reject("calling_webhook_error", name, kind, operation, code)

    def misled(self, name: str, kind: str, operation: Operation, seconds: float) -> None:
        """Its patch did not fit the document."""
        self._observe(name, kind, operation, seconds, 0, rejected=True)
        self._reject("apiserver_internal_error", name, kind, operation, 0)

    def _observe(
        self, name: str, kind: str, operation: Operation, seconds: float, code: int, *, rejected: bool
    ) -> None:
        key = name, operation.value, str(rejected).lower(), kind
        self.durations.setdefault(key, Distribution(BOUNDS)).observe(seconds)
        self.requests[str(min(code, _LARGEST_CODE)), *key] += 1

    def _reject(self, error: str, name: str, kind: str, operation: Operation, code: int) -> None:
        self.rejections[error, name, operation.value, str(min(code, _LARGEST_CODE)), kind] += 1
