"""A folder, or a pack of one → a dataset, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from vit_perception.data.formats.bag import BagDataset
from vit_perception.data.formats.base import PictureDataset
from vit_perception.data.formats.coco import CocoDataset
from vit_perception.data.formats.coco_boxes import PhotographFolder
from vit_perception.data.formats.masks import MaskDataset
from vit_perception.data.formats.suite import SuiteDataset
from vit_perception.data.formats.voc import VocDataset
from vit_perception.data.formats.yolo import YoloDataset
from vit_perception.data.packs.unpack import folder_of


class Format(Protocol):
    """A class of datasets."""

    def recognises(self, folder: Path) -> bool:
        """Whether a folder looks like a dataset of this format."""
        ...

    def __call__(self, folder: Path) -> PictureDataset: ...


# What each format is recognised by. The first one that recognises a folder opens it.
FORMATS: dict[Format, str] = {
    SuiteDataset: "ours (dataset.yaml and instances.json)",
    BagDataset: "rosbag2 (metadata.yaml, .mcap or .db3)",
    YoloDataset: "YOLO (data.yaml)",
    PhotographFolder: "COCO with boxes (images/, boxes/ and panoptic.json)",
    CocoDataset: "COCO (annotations/*.json, or *.json beside images/)",
    VocDataset: "Pascal VOC (Annotations/ and JPEGImages/)",
    MaskDataset: "masks (images/, masks/ and labels.yaml or labels.txt)",
}


def is_dataset(path: Path) -> bool:
    """Whether a folder looks like a dataset of any format."""
    return any(kind.recognises(path) for kind in FORMATS)


def open_dataset(path: str | Path) -> PictureDataset:
    """Open a dataset of any format. A pack is unpacked where it has not been yet, see `unpacked`.

    Args:
        path: its folder, or a pack; of a bag, the file will do.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it is of no format that is known, or what is needed to open it is wrong; the message says
            what, and where.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give the folder of a dataset")
    path = folder_of(path)
    for kind in FORMATS:
        if kind.recognises(path):
            try:
                return kind(path)
            except ValueError as error:
                reason = str(error)
                raise ValueError(reason if str(path) in reason else f"{path}: {reason}") from error
    raise ValueError(f"{path} is a dataset of no known format, which are: {'; '.join(FORMATS.values())}")
