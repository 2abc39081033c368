"""Whether a webhook is to be asked about a write, and asking it.

Rules: selectors first, then rules, then conditions; what cannot be told about a namespace matters only where the rules hold. A webhook that
cannot be asked is passed over or refuses, as its failurePolicy says; what it refuses itself is refused always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from watchcache.admission.chain import Review
from watchcache.admission.matching import labels_of_namespace, namespace_of, selects_objects
from watchcache.admission.webhooks.configuration import Webhook
from watchcache.admission.webhooks.figures import Figures
from watchcache.admission.webhooks.review import (
    Answer,
    Misanswered,
    Subject,
    Undecodable,
    question,
    read_answer,
    refusal,
)
from watchcache.api import status
from watchcache.api.catalog import Resource
from watchcache.api.codec import encode
from watchcache.api.custom import authorizing
from watchcache.api.quoting import quoted
from watchcache.api.user import UserInfo
from watchcache.webhooks import Caller, CallFailed, Unusable

logger = logging.getLogger("watchcache.admission")

Document = dict[str, Any]


class Forms(Protocol):
    """What the registry knows of documents."""

    def equivalents(self, resource: Resource) -> list[Resource]:
        """The resource in its other versions, in the order of the catalog."""

    async def spoken(self, review: Review, document: Document, resource: Resource) -> Document:
        """A document of a review, complete, in the version of `resource`."""

    async def reshaped(self, review: Review, patched: Document, resource: Resource) -> Document:
        """What a webhook made of one, in the form of what is admitted: typed, pruned, with defaults. Raises StatusError."""

    async def namespace_labels(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace; None when there is none."""

    def allows(self, user: UserInfo, asked: authorizing.Question) -> tuple[bool, str]:
        """Whether a user may do what is asked, and why."""


class Failed(Exception):
    """A webhook could not be asked, or did not answer what it was asked. `code` is that of its HTTP answer, 0 for none."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


Conditions = Callable[[Webhook, Review, Subject, authorizing.Answer], bool]
"""Whether a webhook's match conditions hold. Raises StatusError 403 when they cannot be told and the webhook may not be passed over."""


class Asking(msgspec.Struct):
    """What the two plugins have in common: how webhooks are found and asked."""

    caller: Caller
    forms: Forms
    conditions: Conditions
    new_uid: Callable[[], str]
    clock: Callable[[], float]
    figures: Figures

    async def invoked(self, webhook: Webhook, review: Review) -> Resource | None:
        """The resource as which a webhook is asked about a write; None when it is not. Conditions are looked at later. Raises StatusError."""
        if not selects_objects(webhook.objects, review.document, review.old):
            return None
        resource = self._named(webhook, review)
        if resource is None or not await self._selects_namespace(webhook, review):
            return None
        return resource

    def _named(self, webhook: Webhook, review: Review) -> Resource | None:
        if any(rule.matches(review, review.resource) for rule in webhook.rules):
            return review.resource
        if webhook.equivalent:
            for rule in webhook.rules:
                for other in self.forms.equivalents(review.resource):
                    if rule.matches(review, other):
                        return other
        return None

    async def _selects_namespace(self, webhook: Webhook, review: Review) -> bool:
        selector, name = webhook.namespaces, namespace_of(review)
        if not selector or not name:
            return True
        labels = labels_of_namespace(review, None)
        if labels is None:
            labels = await self.forms.namespace_labels(name)
        if labels is None:
            raise status.not_found("namespaces", name)
        return selector.matches(labels)

    def holds(self, webhook: Webhook, review: Review, subject: Subject) -> bool:
        """Whether its match conditions hold. Raises StatusError as `Conditions`."""
        if not webhook.conditions:
            return True
        return self.conditions(webhook, review, subject, lambda asked: self.forms.allows(review.user, asked))

    async def subject(self, review: Review, resource: Resource) -> Subject:
        """A write in the version that is asked for."""
        document, old = review.document, review.old
        return Subject(
            resource,
            None if document is None else await self.forms.spoken(review, document, resource),
            None if old is None else await self.forms.spoken(review, old, resource),
        )

    async def ask(self, webhook: Webhook, review: Review, subject: Subject, kind: str) -> Answer | None:
        """What the webhook says; None when it may be passed over. An answer with a patch is for the caller to count.

        Raises StatusError when it refuses, or cannot be asked and may not be passed over. `kind` is "admit" or "validating".
        """
        began = self.clock()
        try:
            answer = await self._answer(webhook, review, subject, mutating=kind == "admit")
        except Failed as problem:
            self.failed(webhook, review, kind, problem, began)
            return None
        for text in answer.warnings:
            review.warn(text)
        taken = self.clock() - began
        if not answer.allowed:
            refused = refusal(webhook.name, answer.status)
            self.figures.refused(webhook.name, kind, review.operation, taken, refused.code)
            raise refused
        if not answer.patch:
            self.figures.answered(webhook.name, kind, review.operation, taken)
        return answer

    def failed(self, webhook: Webhook, review: Review, kind: str, problem: Failed, began: float) -> None:
        """Go on without a webhook that may be passed over; else raises StatusError."""
        taken = self.clock() - began
        ignored = webhook.ignores_failures
        self.figures.failed(webhook.name, kind, review.operation, taken, problem.code, ignored=ignored)
        text = f"failed calling webhook {quoted(webhook.name)}: {problem}"
        if webhook.ignores_failures:
            logger.warning("%s; it is passed over", text)
            return
        logger.warning("%s", text)
        raise status.internal(text)

    async def _answer(self, webhook: Webhook, review: Review, subject: Subject, *, mutating: bool) -> Answer:
        if review.dry_run and webhook.side_effects not in {"None", "NoneOnDryRun"}:
            raise status.bad_request(f"admission webhook {quoted(webhook.name)} does not support dry run")
        if not webhook.version:
            raise Failed("webhook does not accept known AdmissionReview versions (v1, v1beta1)")
        uid = self.new_uid()
        body = encode(question(review, subject, webhook.version, uid))
        try:
            came = await self.caller.post(webhook.target, body, seconds=float(webhook.timeout))
            return read_answer(came, webhook.version, uid, mutating=mutating)
        except Unusable as problem:
            raise Failed(f"could not get REST client: {problem}") from None
        except CallFailed as problem:
            raise Failed(f"failed to call webhook: {problem}", problem.code) from None
        except Undecodable as problem:
            raise Failed(f"failed to call webhook: {problem}") from None
        except Misanswered as problem:
            raise Failed(f"received invalid webhook response: {problem}") from None
