"""MutatingAdmissionPolicy: what is changed of a write, in CEL.

The rules, and why:

- Which policies a write concerns, and with which parameters, is found out before any of them changes it.
- They change it one after the other, by name; each sees what those before it made of it, with defaults filled in again.
- When one has changed something, the server's own plugins are asked once more, and those policies that want to be (`reinvocationPolicy`) and were
  asked before the change. When a webhook has changed something after them, they are asked again, too.
- What goes wrong refuses the write in the end, or is passed over, as the failurePolicy says.

Source: k/k apiserver pkg/admission/plugin/policy/{mutating/dispatcher,generic/policy_dispatcher}.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from watchcache.admission.chain import Operation, Review
from watchcache.admission.matching import name_of
from watchcache.admission.policies.definition import Binding, Mutation, Policy
from watchcache.admission.policies.evaluation import Evaluation, Failed, OutOfBudget
from watchcache.admission.policies.figures import Figures
from watchcache.admission.policies.invocation import (
    Fault,
    Hook,
    Invocation,
    Known,
    Write,
    is_exempt,
)
from watchcache.admission.policies.patching import Unfit, applied, patched
from watchcache.admission.reinvocation import Reinvocation
from watchcache.api import status
from watchcache.api.codec import encode
from watchcache.api.fields import Shape
from watchcache.api.quoting import quoted
from watchcache.api.status import StatusError

NAME: Final = "MutatingAdmissionPolicy"
_UNTYPED: Final = "error applying patch: failed to convert patch object to typed object: no corresponding type for {}, Kind={}"
"""Of documents that are not their resource's own."""

Document = dict[str, Any]


class Problem(NamedTuple):
    """Why a policy could not be carried out."""

    policy: Policy
    binding: Binding | None
    text: str
    reason: str


class MutatingPolicies:
    """The plugin; `hooks` are asked in their order, and `again` asks the plugins before this one once more."""

    name = NAME
    operations = frozenset(Operation)

    def __init__(
        self, known: Known, clock: Callable[[], float], again: Callable[[Review, str], Awaitable[None]]
    ) -> None:
        """`clock` measures what mutations take."""
        self.hooks: Sequence[Hook] = ()
        self.figures = Figures()
        self._known = known
        self._clock = clock
        self._again = again

    def admit(self, review: Review) -> Awaitable[None] | None:
        """Have the policies change the document, or refuse it."""
        return None if is_exempt(review) else self._admit(review)

    async def _admit(self, review: Review) -> None:
        known: Reinvocation | None = review.reinvocation
        if known is not None:  # a webhook has changed the document
            if encode(review.document) != known.output:
                known.require_those_before()
            await self._round(review, known, only_again=True)
            return
        reinvocation = review.reinvocation = Reinvocation()
        await self._round(review, reinvocation, only_again=False)
        if not reinvocation.wanted:
            return
        await self._again(review, NAME)
        if encode(review.document) != reinvocation.output:
            reinvocation.require_those_before()
        await self._round(review, reinvocation, only_again=True)

    async def _round(self, review: Review, reinvocation: Reinvocation, *, only_again: bool) -> None:
        write = Write(review, self._known)
        problems: list[Problem] = []
        invocations: list[Invocation] = []
        for policy, bindings in self.hooks:
            for each in await write.invocations(policy, bindings):
                if isinstance(each, Fault):
                    problems.append(Problem(policy, each.binding, each.text, ""))
                else:
                    invocations.append(each)
        for invocation in invocations:
            await self._invoke(write, invocation, reinvocation, problems, only_again=only_again)
        reinvocation.output = encode(review.document)
        refused = [each for each in problems if not each.policy.ignores_failures]
        if refused:
            raise _status(write, refused)

    async def _invoke(
        self,
        write: Write,
        invocation: Invocation,
        reinvocation: Reinvocation,
        problems: list[Problem],
        *,
        only_again: bool,
    ) -> None:
        policy, binding = invocation.policy, invocation.binding
        evaluation = await self._evaluation(write, invocation)
        try:
            if not evaluation.matches(policy.conditions):
                return
        except Failed as problem:
            problems.append(Problem(policy, binding, str(problem), "Invalid"))
            return
        if only_again and not reinvocation.includes(invocation.key):
            return
        before = write.review.document
        for mutation in policy.mutations:
            if write.review.document is None:
                continue
            began = self._clock()
            error = "no_error"
            try:
                evaluation = await self._evaluation(write, invocation)
                await self._mutate(write, invocation, mutation, evaluation)
            except (Failed, Unfit) as problem:
                error = "out_of_budget" if isinstance(problem, OutOfBudget) else "invalid_error"
                problems.append(Problem(policy, binding, str(problem), "Invalid"))
            action = "allow" if error == "no_error" else "deny"
            self.figures.count(policy.name, binding.name, error, action, self._clock() - began)
        if write.review.document != before:
            reinvocation.changed()
        reinvocation.asked(invocation.key, reinvoked=policy.reinvoked)

    async def _evaluation(self, write: Write, invocation: Invocation) -> Evaluation:
        values = {**await write.values(invocation.resource), "params": invocation.param}
        return Evaluation(invocation.policy, values, write.answer())

    async def _mutate(
        self, write: Write, invocation: Invocation, mutation: Mutation, evaluation: Evaluation
    ) -> None:
        subject = await write.subject(invocation.resource)
        assert subject.document is not None, "there is a document"
        stated = evaluation.value(mutation.expression)
        if mutation.patches:
            made = patched(subject.document, stated)
        elif write.review.kind is not None:
            group, version, kind = write.review.kind
            raise Unfit(_UNTYPED.format(f"{group}/{version}", kind))
        else:
            made = applied(subject.document, stated, Shape.of(invocation.resource.schema))
        if made != subject.document:
            write.changed(await self._known.reshaped(write.review, made, invocation.resource))


def _status(write: Write, refused: Sequence[Problem]) -> StatusError:
    """The answer: it says the first problem, and names all."""
    texts = [_text(each) for each in refused]
    review = write.review
    name = review.name or name_of(review.document)
    causes = [status.Cause("", text) for text in texts]
    error = status.forbidden(review.resource.group_resource, name, "", causes=causes)
    error.message = texts[0]
    if refused[0].reason:
        error.reason = refused[0].reason
    return error


def _text(problem: Problem) -> str:
    if problem.binding is None:
        return f"policy {quoted(problem.policy.name)} denied request: {problem.text}"
    return (
        f"policy '{problem.policy.name}' with binding '{problem.binding.name}' denied request: {problem.text}"
    )
