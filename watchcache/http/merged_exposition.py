"""The metrics texts of several processes as one: each sample gets a label `process`, and each family stays together."""

from __future__ import annotations

from collections.abc import Mapping


def merged(texts: Mapping[str, bytes]) -> bytes:
    """One exposition of those of the processes, by their names.

    Each text is as `exposition` makes it: a family's
    lines follow its `# HELP` and `# TYPE`.
    """
    families: dict[str, list[str]] = {}
    for process, text in texts.items():
        family: list[str] = []
        new = False
        for line in text.decode().splitlines():
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                new = name not in families
                family = families.setdefault(name, [])
            if line.startswith("#"):
                if new:
                    family.append(line)
            elif line:
                family.append(labelled(line, process))
    return "".join(f"{line}\n" for family in families.values() for line in family).encode()


def labelled(sample: str, process: str) -> str:
    """A sample's line with the label in front of the others."""
    brace, space = sample.find("{"), sample.find(" ")
    if 0 <= brace < space:
        return f'{sample[: brace + 1]}process="{process}",{sample[brace + 1 :]}'
    return f'{sample[:space]}{{process="{process}"}}{sample[space:]}'
