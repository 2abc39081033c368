"""The expressions of one policy over one write and one parameter.

Variables are evaluated when the first expression names them, once. One that fails makes only those expressions fail that come to need it.

Source: k/k apiserver pkg/admission/plugin/cel/{activation,composition}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from watchcache.admission.policies.definition import Broken, Compiled, Policy
from watchcache.api.custom.authorizing import Answer, answered_by
from watchcache.api.custom.expressions import EvaluationFailed, TooCostly
from watchcache.api.custom.programs import Program

OUT_OF_BUDGET: Final = (
    "validation failed due to running out of cost budget, no further validation rules will be run"
)


class Failed(Exception):
    """An expression came to no value; the text is kube-apiserver's."""


class OutOfBudget(Failed):
    """An expression took too much: nothing else of the policy is evaluated."""


class Evaluation:
    """Evaluates with the values of `object`, `oldObject`, `request`, `namespaceObject`, `params`, `authorizer`; `answer` is who authorizes."""

    def __init__(self, policy: Policy, values: dict[str, Any], answer: Answer) -> None:
        self._policy = policy
        self._values = values
        self._answer = answer
        self._variables: dict[str, Any] = {}
        self._failures: dict[str, str] = {}

    def value(self, expression: Compiled) -> Any:
        """The value of an expression. Raises Failed, OutOfBudget."""
        if isinstance(expression, Broken):
            raise Failed(expression.problem)
        try:
            return self._evaluated(expression)
        except TooCostly:
            raise OutOfBudget(OUT_OF_BUDGET) from None
        except EvaluationFailed as problem:
            raise Failed(f"expression '{expression.text}' resulted in error: {problem}") from None

    def _evaluated(self, expression: Program) -> Any:
        values: dict[str, Any] = {}
        for name in expression.variables:
            if name in self._values:
                values[name] = self._values[name]
            elif self._is_known(name):
                values[name] = self._variables[name]
        with answered_by(self._answer):
            try:
                return expression.evaluate(values)
            except EvaluationFailed as problem:
                raise self._composed(expression, problem) from None

    def _composed(self, expression: Program, problem: EvaluationFailed) -> EvaluationFailed:
        """The failure of the variable that it was, where it was one's."""
        for name in sorted(expression.variables):
            if name in self._failures and name in str(problem):
                return EvaluationFailed(self._failures[name])
        return problem

    def _is_known(self, name: str) -> bool:
        """Whether a variable has a value; evaluates it where that has not been done."""
        if name in self._variables:
            return True
        if name in self._failures:
            return False
        compiled = dict(self._policy.variables).get(name)
        if compiled is None:
            return False
        word = name.partition(".")[2]
        if isinstance(compiled, Broken):
            self._failures[name] = f'composited variable "{word}" fails to compile: {compiled.problem}'
            return False
        try:
            self._variables[name] = self._evaluated(compiled)
        except TooCostly:
            raise
        except EvaluationFailed as problem:
            self._failures[name] = f'composited variable "{word}" fails to evaluate: {problem}'
            return False
        return True

    def matches(self, conditions: Sequence[Compiled]) -> bool:
        """Whether all conditions hold, which know no namespace. Raises Failed when that cannot be told and the policy may not be passed over."""
        failures: list[str] = []
        plain = Evaluation(self._policy, {**self._values, "namespaceObject": None}, self._answer)
        try:
            for condition in conditions:
                try:
                    if plain.value(condition) is False:
                        return False
                except OutOfBudget:
                    raise
                except Failed as problem:
                    failures.append(str(problem))
        except OutOfBudget as problem:
            failures = [str(problem)]
        if not failures:
            return True
        if self._policy.ignores_failures:
            return False
        unique = list(dict.fromkeys(failures))
        raise Failed(unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]")
