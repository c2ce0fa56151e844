"""What a navigator has beside the images, for the pipeline: depth, goal and history in, commands out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node

from vit_perception.nodes.depth.space import Space
from vit_perception.nodes.images.frame import Frame
from vit_perception.nodes.navigation.best_scan import View, best_scan
from vit_perception.nodes.navigation.driver import Driver
from vit_perception.nodes.navigation.goal import Sight, Whereabouts
from vit_perception.nodes.navigation.robot import Robot
from vit_perception.nodes.navigation.scan import with_scan
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.nodes.navigation.transforms import FrameError
from vit_perception.nodes.settings import Settings
from vit_perception.nodes.stamps import seconds_of
from vit_perception.runtime.navigation_history import NavigationHistory
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.results import Navigation
from vit_perception.runtime.task_models import TaskModels

# Any step back of the clock; a jump forward only makes old what is old.
_BACK = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1))


class Navigator:
    """Of a node whose model is one. The worker calls `inputs` and `answered`, the executor all else.

    Args:
        node: that subscribes and publishes.
        models: with a navigator among them.
        spaces: by camera, whose depth it takes.
        settings: at first.
    """

    def __init__(
        self, node: Node, models: TaskModels, spaces: Mapping[str, Space], settings: Settings
    ) -> None:
        config, own = models.navigator, settings.navigation
        assert config is not None  # the pipeline has looked
        assert own is not None  # a node with the task has its parameters
        self._node = node
        self._config = config
        self._spaces = spaces
        # While the node is active: what it is told, and what it remembers.
        self._histories: dict[str, NavigationHistory] = {}
        self._whereabouts = Whereabouts(own.base_frame)
        self._robot: Robot | None = None
        # The goal as the newest frame was taken, or why nobody knows where it is.
        self._sight: Sight | None = None
        self._lost = ""
        self._depth_share: float | None = None
        # Of each camera's newest frame.
        self._depths: dict[str, np.ndarray | None] = {}
        # What free distances are of, for people.
        self._known = ""
        self._driver = Driver(node, own)
        self.apply(settings)
        self._jumps = node.get_clock().create_jump_callback(_BACK, post_callback=self._jump)

    @property
    def drives(self) -> bool:
        """Whether the robot waits for a command after each frame."""
        return self._driver.drives

    @property
    def takes_depth(self) -> bool:
        """Whether its model knows what to do with it."""
        return self._config.depth

    def apply(self, settings: Settings) -> None:
        """Use these settings from the next frame on."""
        assert settings.navigation is not None  # as at first
        self._settings: NavigationSettings = settings.navigation
        self._all_settings = settings
        self._driver.apply(self._settings)

    def activate(self) -> None:
        """Subscribe. A goal of before is forgotten: a robot that is switched on does not drive off."""
        config = self._config
        self._histories = {camera: NavigationHistory(config) for camera in self._spaces}
        self._whereabouts = Whereabouts(self._settings.base_frame)
        self._sight, self._lost = None, ""
        if config.goal:
            self._robot = Robot(self._node, self._whereabouts, config.depth or config.free_space)
        self._attend_cameras(config.free_space)
        self._driver.resume()

    def halt(self) -> None:
        """Tell a robot that is driven to stand, and nothing after that."""
        self._driver.halt()

    def deactivate(self) -> None:
        """Unsubscribe. Frames are no longer asked for."""
        self._attend_cameras(False)
        if self._robot is not None:
            self._robot.destroy()
            self._robot = None

    def inputs(self, camera: str, frame: Frame) -> NavigationInput:
        """What is known beside a frame. May wait for its depth."""
        seconds = seconds_of(frame.header)
        depth = self._spaces[camera].measured(frame, self._all_settings) if self.takes_depth else None
        self._depths[camera] = depth
        sight, lost = None, ""
        try:
            sight = self._whereabouts.sight(seconds, self._settings.max_pose_age)
        except FrameError as error:
            lost = str(error)
        self._sight, self._lost = sight, lost
        goal, history = None, self._histories[camera]
        if sight is not None:
            goal = sight.distance, sight.bearing
            history.towards(sight.goal.position)
        return NavigationInput(depth, goal, history.before(seconds))

    def answered(self, camera: str, frame: Frame, found: Navigation | None) -> Navigation | None:
        """Remember what the model saw in a frame, and drive on; gives the answer with what else is known."""
        if found is None:
            return None
        self._depth_share = found.depth_share
        if found.token is not None:
            self._histories[camera].add(seconds_of(frame.header), found.token)
        view, depth = self._view(camera, frame), self._depths[camera]
        scan = best_scan(found, depth, view)
        self._known = "the model" if found.free_space is None or view is None else "the picture"
        if depth is not None and view is not None:
            self._known = f"depth and {self._known}"
        self._driver.answer(found, scan, self._sight, bool(self._lost), frame.header)
        return with_scan(found, scan, self._config.max_range)

    def _view(self, camera: str, frame: Frame) -> View | None:
        """The camera of a frame, and where it is on the robot; None if nobody says."""
        header, model = frame.header, self._spaces[camera].camera(frame, self._all_settings)
        mount = self._whereabouts.mount(header.frame_id, seconds_of(header))
        return None if model is None or mount is None else (model, mount)

    def _attend_cameras(self, wanted: bool) -> None:
        """Subscribe to what cameras say of themselves, or no longer."""
        for space in self._spaces.values():
            space.intrinsics.attend(self, wanted)

    def facts(self) -> dict[str, str]:
        """For /diagnostics: what there is, and what is missing."""
        facts = {}
        if self._robot is not None:
            sight, lost = self._sight, self._lost
            facts["navigation_goal"] = f"lost: {lost}" if lost else sight.words if sight else "none"
        if self._depth_share is not None:
            facts["navigation_depth_share"] = f"{self._depth_share:.2f}"
        if self._known:
            facts["navigation_obstacles"] = self._known
        facts["navigation_drive"] = self._driver.state
        return facts

    def warnings(self) -> list[str]:
        """What was there and is no more, and why a robot that is driven stands."""
        found = [
            f"no depth: {space.depth.missing}; the model goes on without"
            for space in self._spaces.values()
            if self.takes_depth and space.depth.lost
        ]
        if self._lost:
            found.append(f"the goal is lost: {self._lost}")
        return [*found, *filter(None, [self._driver.trouble])]

    def destroy(self) -> None:
        self._jumps.unregister()
        self._driver.destroy()
        self.deactivate()

    def _jump(self, _: TimeJump) -> None:
        """Time went back, as when a simulation begins anew. Depth and history notice by their stamps."""
        self._whereabouts.forget_after(self._node.get_clock().now().nanoseconds / 1e9)
        self._driver.forget()
