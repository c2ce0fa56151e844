"""The output `classification` → the classes that reach the threshold, with their probabilities."""

from __future__ import annotations

import numpy as np

from vit_perception.cards.rules import OURS, ClassificationRule
from vit_perception.runtime.decode.activation import cooled, sigmoid, softmax
from vit_perception.runtime.results import Classification


def classification(
    logits: np.ndarray, rule: ClassificationRule = OURS.classification, threshold: float = 0.0
) -> Classification:
    """Logits → classes, best first.

    Args:
        logits: (C,).
        rule: the activation, sigmoid for independent classes, softmax for exactly one; and the temperature.
        threshold: least probability to report; 0 keeps every class.
    """
    logits = cooled(logits, rule.temperature)
    scores = softmax(logits) if rule.activation == "softmax" else sigmoid(logits)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    return Classification(order.astype(np.int64), scores[order])
