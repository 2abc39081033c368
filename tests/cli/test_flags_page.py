"""The page about flags says what the command line does."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_made_from_the_table():
    """docs/flags.md is what its script writes now."""
    script = runpy.run_path(str(ROOT / "scripts" / "build_flags_page.py"))
    assert (ROOT / "docs" / "flags.md").read_text() == script["page"]()
