"""The layering of docs/architecture.md, read from the import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "watchcache"

# package -> packages of ours it may import. `None`: the composition root, which may import everything.
ALLOWED: dict[str, set[str] | None] = {
    "log": set(),
    "persist": {"distribution", "log"},
    "cacher": {"distribution", "log"},
    "api": set(),
    "auth": {"api"},
    "webhooks": {"api"},
    "admission": {"api", "auth", "distribution", "webhooks"},
    "registry": {"api", "admission", "auth", "cacher", "log", "webhooks"},
    "http": {"registry", "api", "auth", "cacher", "distribution", "readers"},
    "follow": {"log"},
    "front": {"account_keys", "api", "auth", "http", "log", "registry", "settings"},
    "workers": None,
    "server": None,
    "storage": None,
    "etcd_storage": None,
    "process": None,
    "memory": set(),
    "credentials": {"account_keys", "http", "kubeconfig", "pki", "settings"},
    "account_keys": {"auth", "pki", "settings"},
    "pki": set(),
    "settings": set(),
    "logs": set(),
    "log_metrics": {"http", "log"},
    "admission_metrics": {"admission", "http"},
    "distribution": set(),
    "kubeconfig": {"pki"},
    "readers": set(),
    "bench": {
        "readers"
    },  # a client like any other: it starts our server as a process and knows nothing of it
    "cli": None,
    "testing": None,
    "__main__": None,
    "__init__": set(),
}
# `watchcache` itself (its version) may be read by everyone.
DOORS_ONLY = {
    "log",
    "follow",
    "workers",
    "persist",
    "cacher",
    "api",
    "auth",
    "admission",
    "registry",
    "webhooks",
}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The dotted names of ours that a file imports, with the line."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join((*parts[: -node.level], base)).rstrip(".")
            if base == "watchcache":
                for alias in node.names:
                    yield f"watchcache.{alias.name}", node.lineno
            else:
                yield base, node.lineno


def sources() -> list[Path]:
    """Every source file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    """The first-level package or module a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    """A package imports only the packages below it, as the table says."""
    here = package_of(path)
    allowed = ALLOWED[here]
    wrong = [
        f"line {line}: {name}"
        for name, line in imports(path)
        if name.startswith("watchcache.")
        and (there := name.split(".")[1]) != here
        and not there.startswith("__")
        and allowed is not None
        and there not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_through_the_doors(path: Path):
    """Nobody reaches past another package's `__init__`, except for whole sub-packages and documented modules."""
    here = package_of(path)
    wrong = [
        f"line {line}: {name}"
        for name, line in imports(path)
        if name.startswith("watchcache.")
        and (parts := name.split("."))[1] != here
        and parts[1] in DOORS_ONLY
        and len(parts) > 2
        and not is_door(parts)
    ]
    assert wrong == []


def is_door(parts: list[str]) -> bool:
    """`watchcache.api.status` and the other modules of `api` are doors of their own: `api` is a library of pure modules.

    So are `watchcache.persist.etcd`, which imports protobuf, and what only servers need that do not let everybody do everything.
    """
    return parts[1] == "api" or ".".join(parts[1:]) in {
        "persist.etcd",
        "auth.node",
        "auth.rbac",
        "admission.escalation",
        "admission.noderestriction",
        "admission.parameters",
        "admission.requests",
        "admission.signers",
    }


def test_no_file_is_longer_than_five_hundred_lines():
    """A file is one noun or one mechanism; past 500 lines it hides a second."""
    assert [str(p) for p in sources() if len(p.read_text().splitlines()) > 500] == []


def test_every_module_says_what_it_is():
    """Each module opens with a docstring."""
    assert [
        str(p) for p in sources() if p.read_text() and not ast.get_docstring(ast.parse(p.read_text()))
    ] == []


def test_no_function_is_longer_than_eighty_lines():
    """A function that needs more than a screen hides a second decision."""
    long = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > 80
    ]
    assert long == []


def test_pure_files_have_no_async_and_no_trio():
    """The pure core: `api`, the sequence, the window, the plan and the frames do no I/O and know no event loop."""
    pure = [*PACKAGE.joinpath("api").rglob("*.py")]
    pure += [
        PACKAGE / name
        for name in (
            "log/sequence.py",
            "log/events.py",
            "cacher/window.py",
            "cacher/plan.py",
            "cacher/store.py",
            "cacher/continuation.py",
        )
    ]
    wrong = []
    for path in pure:
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(tree)):
            wrong.append(f"{path}: async def")
        if any(name.split(".")[0] in {"trio", "socket", "threading"} for name, _ in imports(path)):
            wrong.append(f"{path}: imports I/O")
    assert wrong == []


def test_nothing_is_raised_within_an_except_star():
    """Before Python 3.11.4, Debian 12's among them, it would come out as a group: a traceback where a line was meant."""
    raising = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sources()
        for clauses in ast.walk(ast.parse(path.read_text()))
        if isinstance(clauses, ast.TryStar)
        for handler in clauses.handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise)
    ]
    assert raising == []
