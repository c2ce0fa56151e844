"""The parameters of the node `simulator`."""

from __future__ import annotations

from typing import Any

# Name → default, and what it is.
PARAMETERS: dict[str, tuple[Any, str]] = {
    "world.seed": (0, "Of the world; read by ~/reset."),
    "world.kind": ("", "rooms, office, warehouse or yard; empty: the seed chooses."),
    "world.people": (False, "Whether people walk about."),
    "image.height": (240, "Of the pictures, in pixels."),
    "image.width": (320, "Of the pictures, in pixels."),
    "real_time_factor": (1.0, "Simulated seconds a second; 0: only ~/step lets time pass."),
    "lock_step": (False, "Whether time waits for a cmd_vel with the stamp of the newest image."),
    "stamped_cmd_vel": (True, "Type of cmd_vel. true: TwistStamped. false: Twist, not for lock_step."),
    "give_goal": (True, "Whether to publish the world's goal as goal_pose, each second."),
}
