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


def cooled(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Logits divided by a temperature; themselves, to the bit, at 1."""
    return logits if temperature == 1.0 else logits / np.float32(temperature)


def calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities whose log-odds are divided by a temperature; themselves, to the bit, at 1."""
    if temperature == 1.0:
        return scores
    exact = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return sigmoid((np.log(exact) - np.log1p(-exact)) / temperature)
