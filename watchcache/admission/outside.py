"""Webhooks that are configured while the server runs.

Nothing of theirs is imported, and no write asks for them, until the first configuration is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from watchcache.admission.chain import Chain

if TYPE_CHECKING:
    from watchcache.admission.webhooks.configuration import Webhook
    from watchcache.admission.webhooks.figures import Figures
    from watchcache.admission.webhooks.invocation import Asking, Forms
    from watchcache.admission.webhooks.mutating import MutatingWebhooks
    from watchcache.admission.webhooks.validating import ValidatingWebhooks
    from watchcache.webhooks import Caller

Document = dict[str, Any]
_LAST_PLUGIN: Final = ("EscalationCheck",)
"""Judges what all others have made of a role or binding."""
_LAST_VALIDATOR: Final = ("ResourceQuota",)
"""Charges what nobody refuses."""


class Webhooks:
    """Has the chain ask the webhooks of the configurations that are stored."""

    def __init__(
        self,
        chain: Chain,
        caller: Callable[[], Caller],
        forms: Forms,
        new_uid: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        """`caller` gives what calls them; `clock` measures what they take."""
        self._chain = chain
        self._caller = caller
        self._forms = forms
        self._new_uid = new_uid
        self._clock = clock
        self._asking: Asking | None = None
        self._mutating: MutatingWebhooks | None = None
        self._validating: ValidatingWebhooks | None = None
        self._stored: dict[bool, dict[str, list[Webhook]]] = {True: {}, False: {}}

    @property
    def figures(self) -> Figures | None:
        """What they took; None while none was ever configured."""
        return None if self._asking is None else self._asking.figures

    def take(self, name: str, configuration: Document | None, *, mutating: bool) -> None:
        """Take in a configuration as it is stored, None when it is gone."""
        stored = self._stored[mutating]
        if configuration is None:
            stored.pop(name, None)
        else:
            from watchcache.admission.webhooks.configuration import webhooks_of  # noqa: PLC0415

            stored[name] = webhooks_of(configuration)
        if mutating:
            self._settle_mutating(stored)
        else:
            self._settle_validating(stored)

    def _settle_mutating(self, stored: dict[str, list[Webhook]]) -> None:
        from watchcache.admission.webhooks.configuration import in_order  # noqa: PLC0415
        from watchcache.admission.webhooks.mutating import NAME, MutatingWebhooks  # noqa: PLC0415

        if self._mutating is None:
            self._mutating = MutatingWebhooks(self._ask(), self._chain.admit_again)
        self._mutating.webhooks = webhooks = in_order(stored.items())
        if webhooks:
            self._chain.include_plugin(self._mutating, before=_LAST_PLUGIN)
        else:
            self._chain.exclude(NAME)

    def _settle_validating(self, stored: dict[str, list[Webhook]]) -> None:
        from watchcache.admission.webhooks.configuration import in_order  # noqa: PLC0415
        from watchcache.admission.webhooks.validating import NAME, ValidatingWebhooks  # noqa: PLC0415

        if self._validating is None:
            self._validating = ValidatingWebhooks(self._ask())
        self._validating.webhooks = webhooks = in_order(stored.items())
        if webhooks:
            self._chain.include_validator(self._validating, before=_LAST_VALIDATOR)
        else:
            self._chain.exclude(NAME)

    def _ask(self) -> Asking:
        if self._asking is None:
            from watchcache.admission.webhooks.conditions import holds  # noqa: PLC0415
            from watchcache.admission.webhooks.figures import Figures  # noqa: PLC0415
            from watchcache.admission.webhooks.invocation import Asking  # noqa: PLC0415

            self._asking = Asking(self._caller(), self._forms, holds, self._new_uid, self._clock, Figures())
        return self._asking
