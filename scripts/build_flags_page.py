"""Makes docs/flags.md from the table of flags; `tests/cli/test_flags_page.py` fails when it is out of date.

python scripts/build_flags_page.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchcache.cli.flags import BY_NAME, HONOURED, SAME_AS_OURS, known, shown_default
from watchcache.settings import Settings

TARGET = Path(__file__).parent.parent / "docs" / "flags.md"
INTRODUCTION = """\
# Flags of `watchcache serve`

Made by `scripts/build_flags_page.py` from the table that the command line reads; do not edit.

Names and notations are kube-apiserver's: `--flag=value`, `--flag value`, booleans alone or with `=`, Go durations (`1h30m`), comma lists. Our own flags start
with `--watchcache-`. Every flag can be set in the environment (`WATCHCACHE_SECURE_PORT=0`) and in a file given with `--config`; the
command line wins over the environment, which wins over the file. Where a default differs from kube-apiserver's, [decision 4](decisions/0004-safe-defaults.md) says why.
"""


def page() -> str:
    """The page's text."""
    return "\n".join([INTRODUCTION, *honoured(), *accepted()]) + "\n"


def honoured() -> Iterator[str]:
    """A table for each section."""
    settings, section = Settings(), ""
    for flag in HONOURED:
        if flag.section != section:
            section = flag.section
            yield f"\n## {section}\n\n| flag | default | what it does |\n| --- | --- | --- |"
        dashes = "-" if len(flag.name) == 1 else "--"
        choices = f" ({', '.join(flag.choices)})" if flag.choices else ""
        default = shown_default(flag, settings)
        yield f"| `{dashes}{flag.name}` | {f'`{default}`' if default else ''} | {flag.help}{choices} |"


def accepted() -> Iterator[str]:
    """The flags of kube-apiserver that are taken without effect."""
    names = [name for name in known() if name not in BY_NAME]
    yield f"\n## Accepted without effect\n\n{len(names)} more flags of kube-apiserver are accepted, so that an existing argument list starts; those that ask for something"
    yield "that does not happen here are named in one warning at the start. No warning is owed for:"
    yield ", ".join(f"`--{name}={value}`" for name, values in SAME_AS_OURS.items() for value in values) + "."
    yield "\n" + ", ".join(f"`--{name}`" for name in names) + "."


if __name__ == "__main__":
    TARGET.write_text(page())
