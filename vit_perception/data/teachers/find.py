"""From what `--teachers` names to a teacher."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from vit_perception.cards.files import CARD_FILE
from vit_perception.data.teachers import Teacher
from vit_perception.data.teachers.contract import SUFFIXES, Contract, read_contract

# Contracts of public models, by the name of their file.
KNOWN = Path(__file__).parent


@dataclass(frozen=True)
class TeacherSource:
    """Where a teacher is. Small, so that it can be sent to other processes, where `load` makes the teacher.

    Attributes:
        path: of the model file, or the folder of a model.
        contract: of a file; None for a folder.
    """

    path: Path
    contract: Contract | None = None

    @property
    def digest(self) -> str:
        """sha256 of the file, or of the card, which lists those of its files."""
        file = self.path if self.contract else self.path / CARD_FILE
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def load(self, mask_confidence: float = 0.5) -> Teacher:
        """The teacher, ready to label.

        Args:
            mask_confidence: a pixel with less, 0..1, is unlabelled where a teacher gives confidences.

        Raises:
            FileNotFoundError, ValueError, EngineUnavailable: see `FileTeacher` and `SuiteTeacher`.
        """
        if self.contract is not None:
            from vit_perception.data.teachers.file_teacher import FileTeacher

            return FileTeacher(self.path, self.contract)
        from vit_perception.data.teachers.suite_teacher import SuiteTeacher

        return SuiteTeacher(self.path, mask_confidence)


def find_teacher(name: str) -> TeacherSource:
    """Find a teacher, and download and adopt it if need be.

    Args:
        name: an ONNX or TFLite file, whose contract lies beside it or comes with this package; a contract; or
            anything that `hub.obtain.obtain_model` takes.

    Raises:
        FileNotFoundError: there is none, or a file has no contract.
        ValueError: its contract is wrong, or it cannot be adopted.
    """
    path = Path(name).expanduser()
    if path.suffix == ".yaml":
        contract = read_contract(path)
        return TeacherSource((path.parent / contract.file).resolve(), contract)
    if path.suffix in SUFFIXES:
        if not path.is_file():
            raise FileNotFoundError(f"there is no teacher {path}")
        beside, known = path.with_suffix(".yaml"), KNOWN / f"{path.stem}.yaml"
        for file in (beside, known):
            if file.is_file():
                return TeacherSource(path.resolve(), read_contract(file))
        raise FileNotFoundError(
            f"{path} needs a contract, which says how it takes and gives: write {beside}, as in "
            "docs/labelling.md"
        )
    from vit_perception.hub.obtain import obtain_model
    from vit_perception.hub.report import to_stderr

    return TeacherSource(obtain_model(name, to_stderr).resolve())
