"""A path → pictures to be labelled, whatever it holds."""

from __future__ import annotations

from pathlib import Path

from vit_perception.data.formats.bag import BagDataset
from vit_perception.data.formats.bag_index import SUFFIXES as BAG_SUFFIXES
from vit_perception.data.label_space import LabelSpace
from vit_perception.data.labelling.bag_source import BagSource
from vit_perception.data.labelling.real_labels import joined_space
from vit_perception.data.labelling.sources import DatasetSource, PictureSource, Source, VideoSource
from vit_perception.data.open import is_dataset, open_dataset
from vit_perception.viz.pictures import SUFFIXES, find_pictures

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")


def open_source(
    path: Path, space: LabelSpace, topic: str | None = None, every: int = 1
) -> tuple[Source, LabelSpace]:
    """The source for a path.

    Args:
        path: a picture, a folder of pictures, a video, a rosbag2, or a dataset.
        space: labels of the dataset to be written.
        topic: which images of a bag; needed where it has several image topics.
        every: of a video or a bag, only each so many frames.

    Returns:
        The source, and the label space, with the labels that a dataset has beside its own added.

    Raises:
        FileNotFoundError: nothing is there, or no picture.
        ValueError: it is of no kind that can be read, or an argument does not fit.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: give pictures, a video, a rosbag2 or a dataset")
    if every < 1:
        raise ValueError(f"every is {every}: give 1 or more")
    suffix = path.suffix.lower()
    if BagDataset.recognises(path):
        return BagSource(path, topic, every), space
    if topic is not None:
        raise ValueError(f"{path} is no rosbag2, and has no topic {topic}: leave out --topic")
    if path.is_dir():
        return _of_folder(path, space)
    if suffix in SUFFIXES:
        return PictureSource([path], path.parent), space
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(path, every), space
    raise ValueError(
        f"{path} cannot be labelled: give pictures ({', '.join(SUFFIXES)}), a video "
        f"({', '.join(VIDEO_SUFFIXES)}), a rosbag2 ({', '.join(BAG_SUFFIXES)}) or a dataset"
    )


def _of_folder(path: Path, space: LabelSpace) -> tuple[Source, LabelSpace]:
    """A dataset if it is one, else its pictures."""
    if not is_dataset(path):
        return PictureSource(find_pictures(path), path), space
    dataset = open_dataset(path)
    joined = joined_space(space, dataset)
    return DatasetSource(dataset, joined), joined
