"""`classification` → every class with its probability."""

from __future__ import annotations

import numpy as np

from vit_perception.cards.rules import OURS, ClassificationRule
from vit_perception.runtime.decode.activation import sigmoid, softmax
from vit_perception.runtime.results import Classification


def classification(logits: np.ndarray, rule: ClassificationRule = OURS.classification) -> Classification:
    """(C,) logits → every class, best first."""
    class_ids = np.flatnonzero(np.isfinite(logits))
    known = logits[class_ids]
    scores = softmax(known) if rule.activation == "softmax" and len(known) else sigmoid(known)
    order = np.argsort(-scores, kind="stable")
    return Classification(class_ids[order].astype(np.int64), scores[order])
