"""The names of admission plugins on the command line are those of the plugins that there are."""

from __future__ import annotations

from watchcache.api.catalog import load_catalog
from watchcache.api.codec import stamp
from watchcache.auth import access_of
from watchcache.cacher import Hub
from watchcache.cli.plugins import BUILT
from watchcache.log import Log
from watchcache.persist import MemoryJournal
from watchcache.registry import Registry, Settings

LATER = {f"{kind}Admission{what}" for kind in ("Mutating", "Validating") for what in ("Policy", "Webhook")}
"""They join the chain with the first configuration."""
OURS = {"EscalationCheck", "ParameterAccess"}
"""No plugin in kube-apiserver, and nothing that one could do without."""


def names(settings: Settings) -> set[str]:
    """Of the plugins of a registry in which everything is on that settings allow."""
    log = Log(MemoryJournal(), stamp=stamp)
    access = access_of(("RBAC",))
    registry = Registry(log, Hub(log, stamp=stamp), load_catalog(), settings, access=access)
    return {took.name for _, _, step in registry.chain.steps() for took in step.figures() if took.name}


def test_the_names_are_those_of_the_plugins():
    """Whoever builds one adds its name, or enabling it would be called without effect."""
    assert names(Settings(service_account_plugin=True, node_restriction=True)) - OURS | LATER == BUILT


def test_any_plugin_can_be_disabled():
    """Then nobody asks it."""
    assert names(Settings(service_account_plugin=True, node_restriction=True, disabled_plugins=BUILT)) == OURS
