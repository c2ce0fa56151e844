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
        logits: (C,); a class whose logit is not finite is left out.
        rule: the activation, sigmoid for independent classes, softmax for exactly one; and the temperature.
        threshold: least probability to report; 0 keeps every class.
    """
    class_ids = np.flatnonzero(np.isfinite(logits))
    known = cooled(logits[class_ids], rule.temperature)
    scores = softmax(known) if rule.activation == "softmax" and len(known) else sigmoid(known)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= threshold]
    return Classification(class_ids[order].astype(np.int64), scores[order])
