"""ValidatingAdmissionPolicy: what must hold of a write, in CEL.

The rules, and why:

- All policies and bindings are asked, whatever one of them says: warnings of one are given beside the refusal of another.
- The first refusal is the answer. Policies are asked by name, their bindings by name; a kube-apiserver has no order of policies.
- A policy that cannot be asked refuses by itself or is passed over, as its failurePolicy says.

Audit annotations are evaluated because they can fail, and go nowhere: there is no audit log.

Source: k/k apiserver pkg/admission/plugin/policy/validating/{dispatcher,validator}.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple

from watchcache.admission.chain import Operation, Review
from watchcache.admission.policies.definition import Binding, Compiled, Policy, Validation
from watchcache.admission.policies.evaluation import Evaluation, Failed, OutOfBudget
from watchcache.admission.policies.figures import Figures
from watchcache.admission.policies.invocation import Fault, Hook, Known, Write, is_exempt
from watchcache.api import status
from watchcache.api.status import StatusError

NAME: Final = "ValidatingAdmissionPolicy"
_CODES: Final = {"Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST_MESSAGE: Final = 5 * 1024


class Refusal(NamedTuple):
    """One reason against a write."""

    message: str
    reason: str
    error: str = "no_error"
    seconds: float = 0.0


class ValidatingPolicies:
    """The plugin; `hooks` are asked in their order."""

    name = NAME
    operations = frozenset(Operation)

    def __init__(self, known: Known, clock: Callable[[], float]) -> None:
        """`clock` measures what expressions take."""
        self.hooks: Sequence[Hook] = ()
        self.figures = Figures()
        self._known = known
        self._clock = clock

    def validate(self, review: Review) -> Awaitable[None] | None:
        """Ask the policies that the write concerns."""
        return None if is_exempt(review) else self._validate(review)

    async def _validate(self, review: Review) -> None:
        write = Write(review, self._known)
        denied: list[StatusError] = []
        for policy, bindings in self.hooks:
            await self._ask(write, policy, bindings, denied)
        if denied:
            raise denied[0]

    async def _ask(
        self, write: Write, policy: Policy, bindings: Sequence[Binding], denied: list[StatusError]
    ) -> None:
        """Ask one policy; what it has against the write goes to `denied`."""
        for each in await write.invocations(policy, bindings):
            if isinstance(each, Fault):
                if not policy.ignores_failures:
                    denied.append(_status(write, policy, each.binding, Refusal(each.text, "Invalid")))
                continue
            values = {**await write.values(each.resource), "params": each.param}
            evaluation = Evaluation(policy, values, write.answer())
            denied += self._refused(write, policy, each.binding, evaluation)

    def _refused(
        self, write: Write, policy: Policy, binding: Binding, evaluation: Evaluation
    ) -> Iterator[StatusError]:
        """The refusals of a policy with one parameter, as far as the binding denies; the rest is done."""
        for refusal in self._judged(policy, binding, evaluation):
            if self._acted(write.review, policy, binding, refusal):
                yield _status(write, policy, binding, refusal)
        for refusal in self._annotated(policy, evaluation):
            self._count(policy, binding, refusal, "deny")
            yield _status(write, policy, binding, refusal)

    def _acted(self, review: Review, policy: Policy, binding: Binding, refusal: Refusal) -> bool:
        """Do what the binding wants done of a refusal; whether it is to be the answer."""
        for action in binding.actions:
            self._count(policy, binding, refusal, action.lower())
            if action == "Warn":
                review.warn(
                    f"Validation failed for ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}': "
                    f"{refusal.message}"
                )
        return "Deny" in binding.actions

    def _count(self, policy: Policy, binding: Binding, refusal: Refusal, action: str) -> None:
        self.figures.count(policy.name, binding.name, refusal.error, action, refusal.seconds)

    def _judged(self, policy: Policy, binding: Binding, evaluation: Evaluation) -> Iterator[Refusal]:
        """What a policy has against a write."""
        try:
            if not evaluation.matches(policy.conditions):
                return
        except Failed as problem:
            yield Refusal(str(problem), "Invalid", "invalid_error")
            return
        for validation in policy.validations:
            began = self._clock()
            try:
                holds = evaluation.value(validation.expression) is True
            except Failed as problem:
                kind = "out_of_budget" if isinstance(problem, OutOfBudget) else "invalid_error"
                refusal = Refusal(str(problem), "Invalid", kind, self._clock() - began)
                if policy.ignores_failures:
                    self._count(policy, binding, refusal, "allow")
                else:
                    yield refusal
                if kind == "out_of_budget":
                    return
                continue
            if not holds:
                taken = self._clock() - began
                yield Refusal(_said(validation, evaluation), validation.reason, seconds=taken)

    def _annotated(self, policy: Policy, evaluation: Evaluation) -> Iterator[Refusal]:
        """The audit annotations that fail."""
        if not policy.annotations:
            return
        try:
            if not evaluation.matches(policy.conditions):
                return
        except Failed:
            return
        for annotation in policy.annotations:
            try:
                evaluation.value(annotation)
            except Failed as problem:
                if not policy.ignores_failures:
                    yield Refusal(str(problem), "Invalid", "invalid_error")


def _said(validation: Validation, evaluation: Evaluation) -> str:
    """What is said of a validation that does not hold."""
    if validation.worded is not None:
        said = _worded(validation.worded, evaluation)
        if said:
            return said
    return validation.message or f"failed expression: {validation.expression.text.strip()}"


def _worded(expression: Compiled, evaluation: Evaluation) -> str:
    """What an expression says; "" when it fails or says nothing that fits in a line."""
    try:
        said = evaluation.value(expression)
    except Failed:
        return ""
    said = said.strip() if isinstance(said, str) else ""
    return "" if "\n" in said or len(said.encode()) > _LONGEST_MESSAGE else said


def _status(write: Write, policy: Policy, binding: Binding | None, refusal: Refusal) -> StatusError:
    """The answer that a refusal makes."""
    resource = write.review.resource.group_resource
    named = write.review.request is None or write.review.request.verb != "deletecollection"
    name = (write.name or write.review.name) if named else "Unknown"
    by = f"ValidatingAdmissionPolicy '{policy.name}'"
    if binding is not None:
        by += f" with binding '{binding.name}'"
    text = f"{by} denied request: {refusal.message}"
    error = status.forbidden(resource, name, text, causes=[status.Cause("", text)])
    error.reason = refusal.reason
    error.code = _CODES.get(refusal.reason, 422)
    return error
