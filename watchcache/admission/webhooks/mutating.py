"""MutatingAdmissionWebhook: webhooks that may change what is written, one after the other.

The rules, and why:

- Each sees what the ones before it made of the document, with defaults filled in again.
- When one has changed something, everything before it is asked once more, at the end and once: the server's own plugins always, webhooks only if they
  want to be (`reinvocationPolicy`) and something has changed since they were asked.
- A webhook that was not asked the first time is not asked the second time.

Source: k/k apiserver pkg/admission/plugin/webhook/mutating/{dispatcher,reinvocationcontext}.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from watchcache.admission.chain import Operation, Review
from watchcache.admission.matching import is_exempt
from watchcache.admission.reinvocation import Reinvocation
from watchcache.admission.webhooks.configuration import Webhook
from watchcache.admission.webhooks.invocation import Asking, Failed
from watchcache.admission.webhooks.review import Answer, Subject
from watchcache.api import status
from watchcache.api.codec import DecodeError, check_type_fields, decode_json, encode
from watchcache.api.patch import NoDocument, PatchError, PatchFailed, json_patch, parse_operations
from watchcache.api.patch.gotext import json_type
from watchcache.api.quoting import quoted
from watchcache.api.status import StatusError

Document = dict[str, Any]
NAME: Final = "MutatingAdmissionWebhook"
_KIND: Final = "admit"


class MutatingWebhooks:
    """The plugin. `webhooks` are asked in their order; `again` asks the plugins before this one once more."""

    name = NAME
    operations = frozenset(Operation)

    def __init__(self, asking: Asking, again: Callable[[Review, str], Awaitable[None]]) -> None:
        self.webhooks: Sequence[Webhook] = ()
        self._asking = asking
        self._again = again

    def admit(self, review: Review) -> Awaitable[None] | None:
        """Have the webhooks change the document, or refuse it."""
        return None if is_exempt(review) else self._admit(review)

    async def _admit(self, review: Review) -> None:
        reinvocation, webhooks = Reinvocation(), self.webhooks
        await self._round(webhooks, review, reinvocation, only_again=False)
        if not reinvocation.wanted:
            return
        before = encode(review.document)
        await self._again(review, NAME)
        if encode(review.document) != before:
            reinvocation.require_those_before()
        await self._round(webhooks, review, reinvocation, only_again=True)

    async def _round(
        self, webhooks: Sequence[Webhook], review: Review, reinvocation: Reinvocation, *, only_again: bool
    ) -> None:
        for webhook in webhooks:
            resource = await self._asking.invoked(webhook, review)
            if resource is None or (only_again and not reinvocation.includes(webhook.key)):
                continue
            subject = await self._asking.subject(review, resource)
            if not self._asking.holds(webhook, review, subject):
                continue
            if await self._ask(webhook, review, subject):
                reinvocation.changed()
            reinvocation.asked(webhook.key, reinvoked=webhook.reinvoked)

    async def _ask(self, webhook: Webhook, review: Review, subject: Subject) -> bool:
        """Whether the webhook has changed the document."""
        began = self._asking.clock()
        answer = await self._asking.ask(webhook, review, subject, _KIND)
        if answer is None or not answer.patch:
            return False
        try:
            operations = _operations(answer)
        except Failed as problem:
            self._asking.failed(webhook, review, _KIND, problem, began)
            return False
        figures, taken = self._asking.figures, self._asking.clock() - began
        try:
            changed = bool(operations) and await self._change(webhook, review, subject, operations)
        except StatusError:
            figures.misled(webhook.name, _KIND, review.operation, taken)
            raise
        figures.answered(webhook.name, _KIND, review.operation, taken)
        return changed

    async def _change(
        self, webhook: Webhook, review: Review, subject: Subject, operations: list[Any]
    ) -> bool:
        """Whether the patch makes any difference."""
        if subject.document is None:
            raise status.internal(
                f"admission webhook {quoted(webhook.name)} attempted to modify the object, which is not supported for this operation"
            )
        patched = _patched(subject.document, operations)
        if patched == subject.document:
            return False
        review.document = await self._asking.forms.reshaped(review, patched, subject.resource)
        return True


def _operations(answer: Answer) -> list[Any]:
    """The steps of a patch. Raises Failed."""
    prefix = "received undecodable patch in webhook response"
    try:
        decoded = decode_json(answer.patch)
    except DecodeError as error:
        text = str(error).removeprefix("couldn't get version/kind; json parse error: ")
        raise Failed(f"{prefix}: {text}") from None
    if not isinstance(decoded, list):
        raise Failed(
            f"{prefix}: json: cannot unmarshal {json_type(decoded)} into Go value of type jsonpatch.Patch"
        )
    try:
        operations, _ = parse_operations(decoded)
    except PatchError as error:
        raise Failed(f"{prefix}: {error}") from None
    if answer.patch_type != "JSONPatch" and operations:
        raise Failed(f"unsupported patch type {quoted(answer.patch_type)}")
    return operations


def _patched(document: Document, operations: list[Any]) -> Document:
    """The document after a patch. Raises StatusError 500."""
    try:
        return json_patch(document, operations)
    except NoDocument as problem:
        return _refuse_value(problem.value)
    except PatchFailed as problem:
        raise status.internal(problem.reason) from None
    except PatchError as problem:
        raise status.internal(str(problem)) from None


def _refuse_value(value: Any) -> Document:
    """What is no object, in the decoder's words. Raises StatusError 500; nothing at all is an empty object."""
    try:
        check_type_fields(value)
    except DecodeError as error:
        raise status.internal(str(error)) from None
    return {}
