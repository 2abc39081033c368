"""ValidatingAdmissionWebhook: webhooks that may refuse what is about to be stored, all at once.

They see the document as it will be stored, and the first refusal to come is the answer; all are waited for, as kube-apiserver does.

Source: k/k apiserver pkg/admission/plugin/webhook/validating/dispatcher.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Final

import trio

from watchcache.admission.chain import Operation, Review
from watchcache.admission.matching import is_exempt
from watchcache.admission.webhooks.configuration import Webhook
from watchcache.admission.webhooks.invocation import Asking
from watchcache.admission.webhooks.review import Subject
from watchcache.api.catalog import Resource
from watchcache.api.status import StatusError

NAME: Final = "ValidatingAdmissionWebhook"
_KIND: Final = "validating"


class ValidatingWebhooks:
    """The plugin."""

    name = NAME
    operations = frozenset(Operation)

    def __init__(self, asking: Asking) -> None:
        self.webhooks: Sequence[Webhook] = ()
        self._asking = asking

    def validate(self, review: Review) -> Awaitable[None] | None:
        """Ask the webhooks that the write concerns."""
        return None if is_exempt(review) else self._validate(review)

    async def _validate(self, review: Review) -> None:
        subjects: dict[Resource, Subject] = {}
        asked: list[tuple[Webhook, Subject]] = []
        for webhook in self.webhooks:
            resource = await self._asking.invoked(webhook, review)
            if resource is None:
                continue
            if resource not in subjects:
                subjects[resource] = await self._asking.subject(review, resource)
            subject = subjects[resource]
            if self._asking.holds(webhook, review, subject):
                asked.append((webhook, subject))
        refusals: list[StatusError] = []

        async def ask(webhook: Webhook, subject: Subject) -> None:
            try:
                await self._asking.ask(webhook, review, subject, _KIND)
            except StatusError as refusal:
                refusals.append(refusal)

        if len(asked) == 1:
            await ask(*asked[0])
        elif asked:
            async with trio.open_nursery() as nursery:
                for each in asked:
                    nursery.start_soon(ask, *each)
        if refusals:
            raise refusals[0]
