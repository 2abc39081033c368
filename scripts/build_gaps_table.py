"""Puts the table of recorded exchanges that do not match into docs/compatibility.md, from tests/golden/gaps.json.

python scripts/build_gaps_table.py

`tests/docs/test_tables.py` fails when it is out of date.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
GOLDEN = ROOT / "tests" / "golden"
MARKS = re.compile(r"(<!-- gaps -->\n).*(<!-- /gaps -->)", re.DOTALL)


def table() -> str:
    """Exchanges with the same reason in one row, in the order of their first."""
    gaps: dict[str, str] = json.loads((GOLDEN / "gaps.json").read_text())
    exchanges = {
        str(exchange["n"]): exchange
        for exchange in map(json.loads, (GOLDEN / "exchanges.jsonl").read_text().splitlines())
    }
    paths: dict[str, set[str]] = {}
    for exchange in exchanges.values():
        paths.setdefault(exchange["note"], set()).add(exchange["path"])
    numbers: dict[str, list[str]] = {}
    for number in sorted(gaps, key=int):
        numbers.setdefault(gaps[number], []).append(number)
    rows = [
        f"{len(gaps)} of {len(exchanges)} exchanges.\n",
        "| exchanges | what they ask | why they differ |",
        "| --- | --- | --- |",
    ]
    for reason, of_it in numbers.items():
        asked = dict.fromkeys(about(exchanges[number], paths) for number in of_it)
        rows.append(f"| {spans(of_it)} | {cell('; '.join(asked))} | {cell(reason)} |")
    return "\n".join(rows) + "\n"


def about(exchange: dict[str, str], paths: dict[str, set[str]]) -> str:
    """What an exchange asks: its note if that says more than a heading does, else its method and path."""
    if exchange["note"] and len(paths[exchange["note"]]) == 1:
        return exchange["note"]
    return f"{exchange['method']} {exchange['path'].partition('?')[0]}"


def cell(text: str) -> str:
    """A text that does not end its cell."""
    return text.replace("|", "\\|")


def spans(numbers: list[str]) -> str:
    """`111, 112, 113` as `111-113`."""
    runs = groupby(enumerate(map(int, numbers)), lambda pair: pair[1] - pair[0])
    ranges = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in ranges)


def page() -> str:
    """The whole page with the table as it is now."""
    return MARKS.sub(lambda marks: f"{marks[1]}{table()}{marks[2]}", PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(page())
