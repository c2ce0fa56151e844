"""What a suite subscribes to: one camera or several, of raw images or of files."""

from __future__ import annotations

import json
from dataclasses import dataclass

TRANSPORTS = ("raw", "compressed")
# Names of cameras: one on the topic `image`, or several, each with topics of its own.
ONE, SEVERAL = ("",), ("front", "rear")


@dataclass(frozen=True)
class Setup:
    """Of a suite, from its start on.

    Attributes:
        transport: one of `TRANSPORTS`.
        cameras: their names, `ONE` or `SEVERAL`.

    Raises:
        ValueError: one of them is another.
    """

    transport: str = "raw"
    cameras: tuple[str, ...] = ONE

    def __post_init__(self) -> None:
        if self.transport not in TRANSPORTS or self.cameras not in (ONE, SEVERAL):
            raise ValueError(f"no suite is set up as {self}: choose from {TRANSPORTS}, {ONE} and {SEVERAL}")

    @property
    def parameters(self) -> dict[str, str]:
        """Of the suite, name → YAML value."""
        topics = {} if self.cameras == ONE else {"image_topics": [f"{name}/image" for name in self.cameras]}
        return {
            name: json.dumps(each) for name, each in {"image_transport": self.transport, **topics}.items()
        }

    def topic(self, namespace: str, camera: str) -> str:
        """On which a camera publishes."""
        topic = beside(namespace, camera, "image")
        return topic if self.transport == "raw" else f"{topic}/{self.transport}"


def beside(namespace: str, camera: str, name: str) -> str:
    """The topic of a camera, or of a result of its images."""
    return "/".join(filter(None, (namespace, camera, name)))
