"""Policies that are stored while the server runs.

Nothing of theirs is imported, and no write asks for them, until the first policy is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from watchcache.admission.chain import Chain

if TYPE_CHECKING:
    from watchcache.admission.policies.definition import Binding, Policy
    from watchcache.admission.policies.figures import Figures
    from watchcache.admission.policies.invocation import Known
    from watchcache.admission.policies.mutating import MutatingPolicies
    from watchcache.admission.policies.validating import ValidatingPolicies

Document = dict[str, Any]
_BEFORE_MUTATING: Final = ("MutatingAdmissionWebhook", "EscalationCheck")
_BEFORE_VALIDATING: Final = ("ValidatingAdmissionWebhook", "ResourceQuota")


class Policies:
    """Has the chain ask the policies that are stored and bound."""

    def __init__(self, chain: Chain, known: Known, clock: Callable[[], float]) -> None:
        """`clock` measures what their expressions take."""
        self._chain = chain
        self._known = known
        self._clock = clock
        self._mutating: MutatingPolicies | None = None
        self._validating: ValidatingPolicies | None = None
        self._policies: dict[bool, dict[str, Policy]] = {True: {}, False: {}}
        self._bindings: dict[bool, dict[str, Binding]] = {True: {}, False: {}}

    @property
    def figures(self) -> dict[str, Figures]:
        """What they said, by `validating` and `mutating`; without what was never stored."""
        plugins = {"validating": self._validating, "mutating": self._mutating}
        return {name: plugin.figures for name, plugin in plugins.items() if plugin is not None}

    def take(self, name: str, document: Document | None, *, mutating: bool) -> None:
        """Take in a policy as it is stored, None when it is gone."""
        stored = self._policies[mutating]
        if document is None:
            stored.pop(name, None)
        else:
            from watchcache.admission.policies.definition import policy_of  # noqa: PLC0415

            stored[name] = policy_of(document)
        self._settle(mutating=mutating)

    def bind(self, name: str, document: Document | None, *, mutating: bool) -> None:
        """Take in a binding as it is stored, None when it is gone."""
        stored = self._bindings[mutating]
        if document is None:
            stored.pop(name, None)
        else:
            from watchcache.admission.policies.definition import binding_of  # noqa: PLC0415

            stored[name] = binding_of(document)
        self._settle(mutating=mutating)

    def _settle(self, *, mutating: bool) -> None:
        bound: dict[str, list[Binding]] = {}
        for _, binding in sorted(self._bindings[mutating].items()):
            bound.setdefault(binding.policy, []).append(binding)
        hooks = [
            (policy, bound[name])
            for name, policy in sorted(self._policies[mutating].items())
            if name in bound
        ]
        if mutating:
            self._settle_mutating(hooks)
        else:
            self._settle_validating(hooks)

    def _settle_mutating(self, hooks: list[tuple[Policy, list[Binding]]]) -> None:
        if self._mutating is None:
            if not hooks:
                return
            from watchcache.admission.policies.mutating import MutatingPolicies  # noqa: PLC0415

            self._mutating = MutatingPolicies(self._known, self._clock, self._chain.admit_again)
        self._mutating.hooks = hooks
        if hooks:
            self._chain.include_plugin(self._mutating, before=_BEFORE_MUTATING)
        else:
            self._chain.exclude(self._mutating.name)

    def _settle_validating(self, hooks: list[tuple[Policy, list[Binding]]]) -> None:
        if self._validating is None:
            if not hooks:
                return
            from watchcache.admission.policies.validating import ValidatingPolicies  # noqa: PLC0415

            self._validating = ValidatingPolicies(self._known, self._clock)
        self._validating.hooks = hooks
        if hooks:
            self._chain.include_validator(self._validating, before=_BEFORE_VALIDATING)
        else:
            self._chain.exclude(self._validating.name)
