"""What the textbook would run: one node for each task, each with the whole model in eager PyTorch.

A port of the chapter's node with its habits left in: a queue of ten images, a copy through cv_bridge's
conversions, a PIL image, a fixed 224 x 224 input whatever the aspect ratio, a new transform for every frame,
`no_grad`, fp32, and results at the network's own resolution. Two things are ours, for the sake of the
comparison: the weights, and stamped messages, from which the age of a result can be measured.

    python benchmarks/textbook/node.py --task detection [--input 224 224] [--model robot_vit_s14]
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import rclpy
import torch
import torchvision.transforms as T
from rclpy.node import Node
from sensor_msgs.msg import Image
from vision_msgs.msg import (
    Classification,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from vit_perception.cards.card import load_card
from vit_perception.cards.locate import find_model
from vit_perception.heads.classification import ClassificationHead
from vit_perception.heads.navigation import NavigationHead
from vit_perception.model import PerceptionModel
from vit_perception.nodes.outputs.topics import main_topic, message_class
from vit_perception.runtime.engines.torch import load_model

TASKS = ("classification", "detection", "segmentation", "navigation", "attention")


def model_of(task: str, name: str) -> PerceptionModel:
    """A node of one task has the head of that task."""
    model = load_model(load_card(find_model(name)))
    for head in [head for head in model.heads if head != task]:
        del model.heads[head]
    if task not in ("detection", "segmentation"):
        model.pyramid = None
    # What reads the pyramid, or what a detector finds, the textbook does not know.
    for head in model.heads.values():
        if isinstance(head, NavigationHead):
            head.free_space = None
        elif isinstance(head, ClassificationHead):
            head.things = None
    return model


class ViTRobotNode(Node):
    def __init__(self, task: str, model: str, size: tuple[int, int]) -> None:
        super().__init__(f"textbook_{task}")
        self.task, self.size = task, size
        self.vit_model = model_of(task, model)
        self.create_subscription(Image, "/image", self.image_callback, 10)
        topic = main_topic(task)
        self.publisher = self.create_publisher(message_class(topic.message_type), f"/{topic.name}", 10)

    def image_callback(self, msg: Image) -> None:
        cv_image = np.frombuffer(bytes(msg.data), np.uint8).reshape(msg.height, msg.width, 3)
        cv_image = cv2.cvtColor(cv_image, cv2.COLOR_BGR2RGB)
        processed_image = self.preprocess_image(cv_image)
        with torch.no_grad():
            outputs = self.vit_model(processed_image, attention=self.task == "attention")
        self.publisher.publish(getattr(self, self.task)(outputs, msg))

    def preprocess_image(self, image: np.ndarray) -> torch.Tensor:
        transform = T.Compose(
            [
                T.ToPILImage(),
                T.Resize(self.size),
                T.ToTensor(),
                T.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
            ]
        )
        return transform(image).unsqueeze(0)

    def classification(self, outputs: dict[str, torch.Tensor], msg: Image) -> Classification:
        return self._scores(outputs["classification"], 5, msg)

    def navigation(self, outputs: dict[str, torch.Tensor], msg: Image) -> Classification:
        return self._scores(outputs["navigation_action"], 4, msg)

    def _scores(self, logits: torch.Tensor, count: int, msg: Image) -> Classification:
        probabilities = torch.softmax(logits, dim=-1)
        top_classes = torch.topk(probabilities, k=count, dim=-1)
        results = [
            ObjectHypothesis(
                class_id=str(top_classes.indices[0, j].item()), score=top_classes.values[0, j].item()
            )
            for j in range(count)
        ]
        return Classification(header=msg.header, results=results)

    def detection(self, outputs: dict[str, torch.Tensor], msg: Image) -> Detection2DArray:
        scores = torch.sigmoid(outputs["detection_scores"][0])
        best = torch.topk(scores.max(dim=-1).values, k=5)
        detections = []
        for value, index in zip(best.values, best.indices, strict=True):
            left, top, right, bottom = (side.item() for side in outputs["detection_boxes"][0, index])
            hypothesis = ObjectHypothesisWithPose()
            hypothesis.hypothesis.class_id = str(scores[index].argmax().item())
            hypothesis.hypothesis.score = value.item()
            message = Detection2D(header=msg.header, results=[hypothesis])
            message.bbox.center.position.x, message.bbox.size_x = (left + right) / 2, right - left
            message.bbox.center.position.y, message.bbox.size_y = (top + bottom) / 2, bottom - top
            detections.append(message)
        return Detection2DArray(header=msg.header, detections=detections)

    def segmentation(self, outputs: dict[str, torch.Tensor], msg: Image) -> Image:
        mask = torch.softmax(outputs["segmentation"], dim=1).argmax(dim=1)[0].to(torch.uint8)
        return self._image(mask.cpu().numpy(), "mono8", msg)

    def attention(self, outputs: dict[str, torch.Tensor], msg: Image) -> Image:
        return self._image(outputs["attention"].mean(dim=1)[0].cpu().numpy(), "32FC1", msg)

    @staticmethod
    def _image(pixels: np.ndarray, encoding: str, msg: Image) -> Image:
        message = Image(header=msg.header, height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
        message.step = pixels.strides[0]
        message.data = pixels.tobytes()
        return message


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--model", default="robot_vit_s14")
    parser.add_argument("--input", type=int, nargs=2, default=(224, 224), metavar=("HEIGHT", "WIDTH"))
    options = parser.parse_args()
    rclpy.init()
    rclpy.spin(ViTRobotNode(options.task, options.model, tuple(options.input)))


if __name__ == "__main__":
    main()
