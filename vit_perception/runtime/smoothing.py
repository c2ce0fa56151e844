"""Answers that do not flicker: what was said before counts, and masks move with the camera."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from vit_perception.runtime.results import UNLABELLED, Navigation, Perception, Segmentation

# After a longer pause, in seconds, nothing of before counts.
_PAUSE = 0.5


class Smoother:
    """Of the frames of one camera: masks, actions and collisions."""

    def __init__(self) -> None:
        self._seconds = -np.inf
        self._segmentation: Segmentation | None = None
        self._navigation: Navigation | None = None

    def update(
        self, perception: Perception, seconds: float, weight: float, motion: np.ndarray | None = None
    ) -> Perception:
        """The perception with smooth answers.

        Args:
            perception: of a frame.
            seconds: of its stamp; before that of the last frame, or much later, nothing of that counts.
            weight: of what was said before, 0 to less than 1.
            motion: (3, 3) homography from pixels of the last image to those of this one; None: it has not
                moved, as far as is known.
        """
        if not 0 <= seconds - self._seconds <= _PAUSE:
            self._segmentation = self._navigation = None
        self._seconds = seconds
        if perception.segmentation is not None:
            before = self._segmentation
            if before is not None and motion is not None:
                before = _moved(before, motion, perception.image_size)
            self._segmentation = _smooth_mask(before, perception.segmentation, weight)
        if perception.navigation is not None:
            self._navigation = _smooth_navigation(self._navigation, perception.navigation, weight)
        return dataclasses.replace(
            perception,
            segmentation=perception.segmentation and self._segmentation,
            navigation=perception.navigation and self._navigation,
        )


def _moved(before: Segmentation, motion: np.ndarray, image_size: tuple[int, int]) -> Segmentation:
    """A mask as the turned camera sees it; what was outside is unlabelled, with no confidence."""
    height, width = before.mask.shape
    scale = np.diag([width / image_size[1], height / image_size[0], 1.0])
    transform = scale @ motion @ np.linalg.inv(scale)

    def warped(values: np.ndarray, outside: int) -> np.ndarray:
        return cv2.warpPerspective(
            values, transform, (width, height), flags=cv2.INTER_NEAREST, borderValue=outside
        )

    return Segmentation(warped(before.mask, UNLABELLED), warped(before.confidence, 0))


def _smooth_mask(before: Segmentation | None, now: Segmentation, weight: float) -> Segmentation:
    """Where two classes differ, the one with more weighted confidence; elsewhere, the weighted mean of both.

    A class that was outvoted is not remembered: it costs a map of each class, and changes little.
    """
    if before is None or before.mask.shape != now.mask.shape:
        return now
    old = cv2.convertScaleAbs(before.confidence, alpha=weight)
    new = cv2.convertScaleAbs(now.confidence, alpha=1 - weight)
    same = cv2.compare(before.mask, now.mask, cv2.CMP_EQ)
    stays = cv2.bitwise_and(cv2.compare(old, new, cv2.CMP_GT), cv2.bitwise_not(same))
    mask, confidence = now.mask.copy(), now.confidence.copy()
    cv2.copyTo(cv2.add(old, new), same, confidence)
    cv2.copyTo(before.mask, stays, mask)
    cv2.copyTo(old, stays, confidence)
    return Segmentation(mask, confidence, now.instances)


def _smooth_navigation(before: Navigation | None, now: Navigation, weight: float) -> Navigation:
    """Weighted means of action scores and of the collision."""
    if before is None or before.actions != now.actions:
        return now
    scores, collision = now.action_scores, now.collision
    if scores is not None and before.action_scores is not None:
        scores = np.float32(weight) * before.action_scores + np.float32(1 - weight) * scores
    if collision is not None and before.collision is not None:
        collision = weight * before.collision + (1 - weight) * collision
    return dataclasses.replace(now, action_scores=scores, collision=collision)
