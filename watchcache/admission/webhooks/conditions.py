"""The match conditions of webhooks, in CEL: all of them must hold for a webhook to be asked.

One that does not hold decides, also beside others that fail. Where some fail and none is false the webhook is passed over, or the write refused, as its
failurePolicy says. A condition that needs what only kube-apiserver has counts as one that holds.

Source: k/k apiserver pkg/admission/plugin/webhook/matchconditions/matcher.go.
"""

from __future__ import annotations

from typing import Any, Final

from watchcache.admission.chain import Review
from watchcache.admission.webhooks.configuration import Webhook
from watchcache.admission.webhooks.review import Subject, permission, question
from watchcache.api.custom.authorizing import Answer, answered_by
from watchcache.api.custom.expressions import BadExpression, EvaluationFailed, Unsupported
from watchcache.api.custom.programs import program
from watchcache.api.validation.webhooks import VARIABLES

_NOT_SENT: Final = frozenset({"object", "oldObject"})


def holds(webhook: Webhook, review: Review, subject: Subject, answer: Answer) -> bool:
    """Whether the conditions of a webhook hold; `answer` says what the user may do.

    Raises StatusError 403 when that cannot be told and the webhook may not be passed over.
    """
    request = question(review, subject, "v1", "")["request"]
    values: dict[str, Any] = {
        "object": subject.document,
        "oldObject": subject.old,
        "namespaceObject": None,
        "request": {name: value for name, value in request.items() if name not in _NOT_SENT},
        "authorizer": {"requestResource": permission(review)},
    }
    failures = []
    for _, expression in webhook.conditions:
        try:
            with answered_by(answer):
                if program(expression, VARIABLES, ("bool",)).evaluate(values) is False:
                    return False
        except EvaluationFailed as problem:
            failures.append(f"expression '{expression}' resulted in error: {problem}")
        except BadExpression as problem:
            failures.append(str(problem))
        except Unsupported:
            continue
    if not failures:
        return True
    if webhook.ignores_failures:
        return False
    text = failures[0] if len(set(failures)) == 1 else f"[{', '.join(dict.fromkeys(failures))}]"
    raise review.refused(text)
