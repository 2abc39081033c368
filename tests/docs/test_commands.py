"""Commands in the pages can be typed as they stand: commands, flags and commands of dev.py exist."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from tests.robustness import __main__ as robustness
from tests.docs.pages import CODE, PAGES, ROOT, commands, name, prose, table
from watchcache.cli.arguments import OWN
from watchcache.cli.flags import BY_NAME, known
from watchcache.cli.main import COMMANDS, USAGE, main

_FLAG = re.compile(r"--?[a-zA-Z][\w-]*")
_ALONE = re.compile(r"(--[a-z][a-z0-9-]*[a-z0-9])(?:=\S*)?")
OTHER_PROGRAMS = ("kube-controller-manager", "kube-scheduler", "kwok", "kubectl")
ROBUSTNESS = frozenset(_FLAG.findall(robustness.parser().format_help()))
SERVE_HELP = {"--help", "--help-all"}


def flags_of(words: list[str]) -> list[str]:
    """The flags among a command's words, without their values."""
    return [word.partition("=")[0] for word in words if _FLAG.match(word)]


@cache
def help_flags(*command: str) -> frozenset[str]:
    """The flags that the help of a command, or of a command's command, lists."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return frozenset(_FLAG.findall(text.getvalue()))


def serve_knows(flag: str) -> bool:
    """Whether `watchcache serve` takes a flag."""
    return flag in SERVE_HELP or flag.lstrip("-") in {*BY_NAME, *known(), *OWN}


def wrong_in_watchcache(words: list[str]) -> Iterator[str]:
    """What is wrong with a `watchcache ...` line."""
    if len(words) == 1 or words[1] == "...":
        return
    command = words[1]
    if command in {"--help", "--version"}:
        return
    if command not in COMMANDS:
        yield " ".join(words)
        return
    own = words[1:3] if command == "bench" else [command]
    for flag in flags_of(words[2:]):
        if not (serve_knows(flag) if command == "serve" else flag in help_flags(*own)):
            yield f"{' '.join(words[:2])} {flag}"


def after_dev(words: list[str]) -> list[str] | None:
    """The words behind dev.py, None in another command."""
    for place, word in enumerate(words[:3]):
        if word == "dev.py":
            return words[place + 1 :]
    return None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_watchcache_commands_exist(page: Path):
    """Each `watchcache COMMAND` and each of its flags is there."""
    wrong = [
        each for words in commands(page) if words[0] == "watchcache" for each in wrong_in_watchcache(words)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_dev_commands_exist(page: Path):
    """Each `dev.py COMMAND` is one that its own help names, and a benchmark is a file."""
    dev = runpy.run_path(str(ROOT / "dev.py"))
    listed = set(re.findall(r"dev\.py (\w+)", str(dev["__doc__"])))
    wrong = []
    for words in commands(page):
        rest = after_dev(words)
        if not rest:
            continue
        if rest[0] not in listed or (
            rest[0] == "bench" and not (ROOT / "benchmarks" / f"{rest[1]}.py").is_file()
        ):
            wrong.append(" ".join(words))
        if rest[0] == "serve":
            wrong += [flag for flag in flags_of(rest[1:]) if not serve_knows(flag)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_flags_in_the_text_exist(page: Path):
    """A flag with two dashes that stands by itself in the text is one of the server's, of `bench run`, of `copy` or of the robustness tests, unless it is about another program."""
    wrong = []
    for paragraph in prose(page).split("\n\n"):
        if not any(program in paragraph for program in OTHER_PROGRAMS):
            flags = (_ALONE.fullmatch(text) for text in CODE.findall(paragraph))
            wrong += [
                flag[1]
                for flag in flags
                if flag
                and flag[1] not in {"--flag", *help_flags("bench", "run"), *help_flags("copy"), *help_flags("top"), *ROBUSTNESS}
                and not serve_knows(flag[1])
            ]
    assert wrong == []


@cache
def kubectl_flags(*command: str) -> frozenset[str]:
    """The flags that kubectl's help lists for a command, the global ones included."""
    text = ""
    for arguments in ([*command, "--help"], ["options"]):
        text += subprocess.run(["kubectl", *arguments], capture_output=True, text=True, check=False).stdout
    return frozenset(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", text))


def wrong_in_kubectl(words: list[str]) -> Iterator[str]:
    """The flags of a `kubectl ...` line that are in no help; `create deployment` has help of its own."""
    plain = list(takewhile(lambda word: not word.startswith("-"), words[1:]))
    if plain:
        for flag in flags_of(words[1:]):
            if flag not in kubectl_flags(*plain[:1]) | kubectl_flags(*plain[:2]):
                yield f"kubectl {' '.join(plain[:2])} {flag}"


@pytest.mark.kubectl
@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not on the PATH (python3 dev.py tools builds it)"
)
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_kubectl_commands_exist(page: Path):
    """Each flag behind a `kubectl COMMAND` is in kubectl's help of that command."""
    wrong = [each for words in commands(page) if words[0] == "kubectl" for each in wrong_in_kubectl(words)]
    assert wrong == []


def test_the_usage_names_every_command():
    """`watchcache --help` lists the commands that there are."""
    assert set(re.findall(r"^  watchcache (\w+)", USAGE, re.MULTILINE)) == set(COMMANDS)


def test_the_table_of_commands_in_the_readme():
    """README.md lists the commands that there are."""
    stated = [row[0].removeprefix("watchcache ") for row in table(ROOT / "README.md", "## Commands")]
    assert stated == list(COMMANDS)
