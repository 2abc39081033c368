"""Reading an argument list the way kube-apiserver (pflag) does, and turning it into `Settings`.

`--flag=value`, `--flag value`, `--flag` alone for booleans (a value then needs the `=`), `-v 4`, `-v=4` and `-v4`. The
last of repeated flags counts, except for lists, which add up. Pure: what is read from files is handed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from watchcache.cli.flags import BOOLEAN_TYPES, BY_NAME, HONOURED, SAME_AS_OURS, known, parse
from watchcache.cli.plugins import plugins, without_effect
from watchcache.cli.values import boolean, comma_list, modes
from watchcache.settings import Settings, SettingsProblem

OWN = {"config", "write-config-to"}


def split(arguments: Sequence[str]) -> dict[str, str]:
    """Flag name -> text, in the order of the command line.

    Raises `SettingsProblem` for unknown flags, missing values and words that belong to no flag.
    """
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word in {"-", "--"}:
            raise SettingsProblem(f'"{word}" belongs to no flag; see `watchcache serve --help`')
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-v") and not word.startswith("--") and not equals and word != "-v":
            name, equals, value = "v", "=", word[2:]
        is_boolean = kind_of(name)
        if not equals:
            if is_boolean:
                value = "true"
            elif rest:
                value = rest.pop(0)
            else:
                raise SettingsProblem(f"--{name} needs a value")
        found[name] = f"{found[name]},{value}" if name in found and adds_up(name) else value
    return found


def kind_of(name: str) -> bool:
    """Whether a flag may stand alone.

    Raises `SettingsProblem` when there is no such flag, with the nearest name there is.
    """
    if name in BY_NAME:
        return BY_NAME[name].parse is boolean
    if name in OWN:
        return False
    table = known()
    if name in table:
        return table[name][1] in BOOLEAN_TYPES
    near = difflib.get_close_matches(name, [*BY_NAME, *table], n=1)
    hint = f"; did you mean --{near[0]}?" if near else "; see `watchcache serve --help`"
    raise SettingsProblem(f"unknown flag: --{name}{hint}")


def adds_up(name: str) -> bool:
    """Whether repeating a flag extends it."""
    return name in BY_NAME and BY_NAME[name].parse in {comma_list, modes, plugins}


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`WATCHCACHE_SECURE_PORT=0` for `--secure-port=0`, and `WATCHCACHE_DATA_DIR` for `--watchcache-data-dir`."""
    found = {}
    for flag in HONOURED:
        variable = "WATCHCACHE_" + flag.name.removeprefix("watchcache-").upper().replace("-", "_")
        if variable in environment:
            found[flag.name] = environment[variable]
    return found


def from_config(document: Any, source: str) -> dict[str, str]:
    """The flags of a configuration file: `{apiVersion: watchcache.dev/v1alpha1, kind: ServerConfiguration, flags: {...}}`.

    Raises `SettingsProblem`.
    """
    wanted = {"apiVersion": "watchcache.dev/v1alpha1", "kind": "ServerConfiguration"}
    if not isinstance(document, dict) or any(document.get(name) != value for name, value in wanted.items()):
        raise SettingsProblem(
            f"{source}: it must say apiVersion: watchcache.dev/v1alpha1 and kind: ServerConfiguration"
        )
    extra = set(document) - {*wanted, "flags"}
    if extra:
        raise SettingsProblem(f"{source}: unknown field {min(extra)!r}; settings belong under `flags:`")
    flags = document.get("flags", {})
    if not isinstance(flags, dict):
        raise SettingsProblem(f"{source}: `flags:` must map flag names to values")
    for name in flags:
        kind_of(str(name))
    return {str(name): as_text(value) for name, value in flags.items()}


def as_text(value: Any) -> str:
    """A YAML value as it would stand on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def settings_of(*layers: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings from layers of flag texts, weakest first, and the warnings that are owed for flags not honoured.

    Raises `SettingsProblem`.
    """
    merged: dict[str, str] = {}
    for layer in layers:
        merged.update(layer)
    settings = Settings()
    ignored = []
    for name, text in merged.items():
        flag = BY_NAME.get(name)
        if flag is None:
            if name not in OWN and text not in SAME_AS_OURS.get(name, ()):
                ignored.append(f"--{name}")
            continue
        try:
            setattr(settings, flag.attribute, parse(flag, text))
        except ValueError as problem:
            raise SettingsProblem(f"--{name}: {problem}") from None
    _check_plugins(settings)
    ignored += [
        f"--enable-admission-plugins={name}" for name in without_effect(settings.enable_admission_plugins)
    ]
    warnings = [f"accepted, but without effect here: {' '.join(sorted(ignored))}"] if ignored else []
    return settings, warnings


def _check_plugins(settings: Settings) -> None:
    """Refuse a plugin that is to be there and not to be there."""
    if both := set(settings.enable_admission_plugins) & set(settings.disable_admission_plugins):
        names = ", ".join(sorted(both))
        raise SettingsProblem(f"{names}: in --enable-admission-plugins and --disable-admission-plugins")
