"""Temperature scaling (Guo et al. 2017): one number a head makes scores into probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_BINS = 15
# Smallest and largest temperature, and how finely they are searched.
_RANGE, _TRIALS = (0.1, 10.0), 41


def fit_temperature(loss: Callable[[float], float]) -> float:
    """The temperature with the smallest loss, by a search of the logarithm that is refined twice."""
    low, high = np.log(_RANGE)
    best = 0.0
    for _ in range(3):
        trials = np.linspace(low, high, _TRIALS)
        best = float(trials[int(np.argmin([loss(float(np.exp(trial))) for trial in trials]))])
        width = (high - low) / (_TRIALS - 1)
        low, high = best - width, best + width
    return round(float(np.exp(best)), 4)


def binary_loss(logits: np.ndarray, right: np.ndarray) -> Callable[[float], float]:
    """Temperature → mean binary cross-entropy of logits (N,) whose truth is `right` (N,) bool."""
    signed = np.where(right, logits, -logits).astype(np.float64)
    return lambda temperature: float(np.logaddexp(0, -signed / temperature).mean())


def softmax_loss(logits: np.ndarray, truth: np.ndarray) -> Callable[[float], float]:
    """Temperature → mean cross-entropy of logits (N, C) whose class is `truth` (N,)."""
    right = logits[np.arange(len(truth)), truth].astype(np.float64)

    def loss(temperature: float) -> float:
        scaled = logits.astype(np.float64) / temperature
        peak = scaled.max(axis=1)
        total = peak + np.log(np.exp(scaled - peak[:, None]).sum(axis=1))
        return float((total - right / temperature).mean())

    return loss


def calibration_error(scores: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error in points: how far scores are from the share that is right.

    Args:
        scores: (N,) in 0..1.
        right: (N,) bool, whether each was right.

    Returns:
        The mean over 15 bins of equal width, weighted by their number of scores, times 100.
    """
    if not len(scores):
        return 0.0
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    count, claimed, found = (
        np.bincount(bins, weights, _BINS) for weights in (None, scores, right.astype(np.float64))
    )
    return round(float(100 * np.abs(claimed - found).sum() / count.sum()), 2)
