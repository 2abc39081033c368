"""Links lead somewhere; files, functions, packages and edges that the pages name are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import PACKAGE, PAGES, ROOT, code, name, prose, table
from tests.test_architecture import ALLOWED

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_FILE = re.compile(r"[\w./-]+\.(?:py|json|md|yaml|toml|jsonl)")
_ROW = re.compile(r"(?<=[ (-])[LWM][1-9]\d?(?=[ ,.:;)-])")
_REFERENCE = re.compile(r"([\w./]+\.py)(?::([\w.]+))?")


def anchor(heading: str) -> str:
    """A heading as the fragment that leads to it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path):
    """Every link inside the repository names a file or folder, and a heading of it when it has a fragment."""
    broken = []
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            fragment and fragment not in map(anchor, _HEADING.findall(target.read_text()))
        ):
            broken.append(link)
    assert broken == []


def definitions(path: Path) -> set[str]:
    """Every function, class, method and constant that a file defines, by its dotted name."""

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + child.name)
                walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.Assign):
                found.update(prefix + one.id for one in child.targets if isinstance(one, ast.Name))
            elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                found.add(prefix + child.target.id)

    found: set[str] = set()
    walk(ast.parse(path.read_text()), "")
    return found


def test_rows_that_the_code_names_are_in_the_page():
    """A row of lists, watches or writes that a docstring or comment names can be looked up."""
    rows = set(re.findall(r"^\| ([LWM]\d+) \|", (ROOT / "docs/semantics.md").read_text(), re.MULTILINE))
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("test_*.py")]
    named = {row for path in sources for row in _ROW.findall(path.read_text())}
    assert named - rows == set()
    assert len(named) > 50


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_and_functions_exist(page: Path):
    """What is written `file.py` or `file.py:Class.method`, from the root or below `watchcache/`, is there."""
    missing = []
    for text in code(page):
        reference = _REFERENCE.fullmatch(text)
        if reference is None:
            if _FILE.fullmatch(text) and "/" in text and not (ROOT / text).exists():
                missing.append(text)
            continue
        path, function = reference[1], reference[2]
        files = [base / path for base in (ROOT, PACKAGE) if (base / path).is_file()]
        if not files or (function and function not in definitions(files[0])):
            missing.append(text)
    assert missing == []


def test_reading_the_source_names_functions():
    """The page that follows the source names at least six files with their functions."""
    references = [_REFERENCE.fullmatch(text) for text in code(ROOT / "docs" / "reading-the-source.md")]
    assert len({found[1] for found in references if found and found[2]}) > 6


def test_the_table_of_edges_is_that_of_the_test():
    """docs/architecture.md states the import edges that tests/test_architecture.py enforces."""
    stated = {row[0]: row[1] for row in table(ROOT / "docs" / "architecture.md", "### Import edges")}
    enforced = {
        package: "everything" if allowed is None else ", ".join(sorted(allowed)) or "nothing of ours"
        for package, allowed in ALLOWED.items()
        if not package.startswith("__")
    }
    assert stated == enforced


def test_every_package_is_described():
    """Each package of the source has a row in the table of packages, and each row is a package."""
    stated = {row[0] for row in table(ROOT / "docs" / "architecture.md", "## Packages")}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= stated
    assert all((PACKAGE / row).is_dir() for row in stated)
