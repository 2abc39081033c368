"""The pages, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "watchcache"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


def name(page: Path) -> str:
    """A page's path in the repository."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """A page's text without its code blocks."""
    return _FENCE.sub("", page.read_text())


def code(page: Path) -> list[str]:
    """What stands between single backticks."""
    return CODE.findall(prose(page))


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks in one of the languages."""
    return [text for language, text in _FENCE.findall(page.read_text()) if language in languages]


def commands(page: Path) -> Iterator[list[str]]:
    """The command lines of a page as words, from shell blocks and from the text.

    Where a block has prompts (`$ `), lines without one are output.
    """
    for block in blocks(page, "console", "sh", "bash"):
        lines = block.replace("\\\n", " ").splitlines()
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in typed or lines:
            yield from _split(line)
    for text in code(page):
        yield from _split(text)


def _split(line: str) -> Iterator[list[str]]:
    """The words of each command of a line; comments, quotes and what the shell does with the output are dropped."""
    line = re.sub(r"(^|\s)#.*", "", line)
    for part in re.split(r"&&|\|\||[|;]|\$\(", line):
        words = [word.strip("'\"()") for word in part.split()]
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        if words:
            yield words


def table(page: Path, heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without the heading row; backticks are dropped."""
    text = page.read_text().split(f"{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert lines is not None
    rows = [line.strip("|").split("|") for line in lines[0].splitlines()[2:]]
    return [[cell.strip().replace("`", "") for cell in row] for row in rows]
