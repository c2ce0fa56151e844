"""A service is asked from beside the thread that spins."""

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from std_srvs.srv import Trigger

from vit_perception.replay.live_node import LiveNode
from vit_perception.replay.processes import free_domain


class Asking(LiveNode):
    def __init__(self, name, domain):
        super().__init__(name, domain)
        self.slow = 0.0
        self.client = self._node.create_client(Trigger, "there")
        self.nobody = self._node.create_client(Trigger, "nowhere")

    def serve(self):
        self._node.create_service(Trigger, "there", self._answer)

    def _answer(self, request, response):
        time.sleep(self.slow)
        response.message = "here"
        return response


def test_an_answer_or_none():
    domain = free_domain()
    with Asking("asks", domain) as asks, Asking("answers", domain) as answers:
        answers.serve()
        # An answer that leaves before its process has discovered the client is lost.
        found = filter(None, (asks.call(asks.client, Trigger.Request(), 5.0) for _ in range(6)))
        assert next(found).message == "here"
        assert asks.call(asks.nobody, Trigger.Request(), 0.1) is None
        answers.slow = 1.0
        assert asks.call(asks.client, Trigger.Request(), 0.1) is None
