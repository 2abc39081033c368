"""The report that a person reads: one HTML file with everything in it, no scripts, nothing fetched."""

from __future__ import annotations

from watchcache.bench.report.page import write_report

__all__ = ["write_report"]
