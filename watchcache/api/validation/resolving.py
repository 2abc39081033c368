"""How a pod finds others: its resolver, and host names of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from watchcache.api import causes, names
from watchcache.api.status import Cause
from watchcache.api.validation.rules import Document

_MOST_SERVERS: Final = 3
_MOST_DOMAINS: Final = 32
_LONGEST_SEARCH: Final = 2048


def resolver_causes(spec: Document, path: str) -> Iterator[Cause]:
    """What is wrong with the resolver of a pod."""
    config, where = spec.get("dnsConfig"), f"{path}.dnsConfig"
    if spec.get("dnsPolicy") == "None":
        if config is None:
            yield causes.required(where, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield causes.required(f"{where}.nameservers", text)
            return
    if not config:
        return
    servers, domains = config.get("nameservers") or (), config.get("searches") or ()
    if len(servers) > _MOST_SERVERS:
        text = f"must not have more than {_MOST_SERVERS} nameservers"
        yield causes.invalid(f"{where}.nameservers", servers, text)
    for index, server in enumerate(servers):
        yield from causes.each_invalid(f"{where}.nameservers[{index}]", server, names.written_address(server))
    yield from _searches(domains, f"{where}.searches")
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            yield causes.required(f"{where}.options[{index}]", "must not be empty")


def _searches(domains: Sequence[str], path: str) -> Iterator[Cause]:
    if len(domains) > _MOST_DOMAINS:
        yield causes.invalid(path, domains, f"must not have more than {_MOST_DOMAINS} search paths")
    if len(" ".join(domains).encode()) > _LONGEST_SEARCH:
        text = f"must not have more than {_LONGEST_SEARCH} characters (including spaces) in the search list"
        yield causes.invalid(path, domains, text)
    for index, domain in enumerate(domains):
        if domain != ".":
            name = domain.removesuffix(".")
            yield from causes.each_invalid(f"{path}[{index}]", name, names.domain_to_search(name))


def alias_causes(aliases: list[Document], path: str) -> Iterator[Cause]:
    """What is wrong with the host names that a pod gives to addresses."""
    for index, alias in enumerate(aliases):
        where, address = f"{path}[{index}]", alias.get("ip") or ""
        yield from causes.each_invalid(f"{where}.ip", address, names.written_address(address))
        for number, name in enumerate(alias.get("hostnames") or ()):
            yield from causes.each_invalid(f"{where}.hostnames[{number}]", name, names.subdomain(name))
