"""One XML file of Pascal VOC, with the line of each object."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from vit_perception.data.dataset import Fault
from vit_perception.data.formats.reading import Report


@dataclass
class VocObject:
    """An object: what the file says, as text.

    Attributes:
        line: where it begins.
        name: of its class.
        box: text of `xmin`, `ymin`, `xmax`, `ymax`, those that are there.
        difficult: whether it is marked as hard to see.
    """

    line: int
    name: str = ""
    box: dict[str, str] = field(default_factory=dict)
    difficult: bool = False


def read_objects(path: Path, report: Report) -> list[VocObject]:
    """The objects of a file, in its order. Parts of objects, such as heads, are left out.

    Args:
        path: of the file.
        report: called if it is not XML; then the objects are those before that line.
    """
    found: list[VocObject] = []
    parser = expat.ParserCreate()
    path_of_tags: list[str] = []
    text: list[str] = []

    def start(tag: str, _: dict[str, str]) -> None:
        path_of_tags.append(tag)
        text.clear()
        if path_of_tags[1:] == ["object"]:
            found.append(VocObject(parser.CurrentLineNumber))

    def end(tag: str) -> None:
        value = "".join(text).strip()
        below = path_of_tags[1:]
        if below == ["object", "name"]:
            found[-1].name = value
        elif below == ["object", "difficult"]:
            found[-1].difficult = value not in ("", "0")
        elif below[:-1] == ["object", "bndbox"]:
            found[-1].box[tag] = value
        path_of_tags.pop()
        text.clear()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    try:
        parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        report(Fault(path, error.lineno, f"this is not XML ({reason}): write the file again"))
    return found
