"""Logits to probabilities."""

from __future__ import annotations

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Elementwise sigmoid, float32. Through tanh, since exp overflows for large logits."""
    return (0.5 * (1.0 + np.tanh(0.5 * logits))).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, float32."""
    values = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (values / values.sum(axis=-1, keepdims=True)).astype(np.float32)
