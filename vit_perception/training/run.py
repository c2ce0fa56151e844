"""A whole run: datasets → a model folder that a robot launches."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import torch
import yaml

from vit_perception.cards.card import Card
from vit_perception.data.joined import JoinedDataset
from vit_perception.data.label_space import LabelSpace, label_space_as_yaml, read_label_space
from vit_perception.data.open import open_dataset
from vit_perception.heads.detection import AnchorFreeHead
from vit_perception.model import PerceptionModel
from vit_perception.runtime.predictor import Predictor
from vit_perception.training.between import between, check_begun
from vit_perception.training.config import TrainingConfig
from vit_perception.training.curves import draw_curves
from vit_perception.training.distiller import Distiller, make_distiller
from vit_perception.training.examples import Known, Pictures
from vit_perception.training.index import Index, load_index, make_index, save_index
from vit_perception.training.loop import train
from vit_perception.training.mask_classes import MaskClasses
from vit_perception.training.navigation.run import train_navigator
from vit_perception.training.processes import Processes
from vit_perception.training.publish import publish
from vit_perception.training.report import write_report
from vit_perception.training.run_folder import RunFolder
from vit_perception.training.spaces import space_of_datasets
from vit_perception.training.split import Split, given_split, read_split, split_pictures, write_split
from vit_perception.training.stream import Views, batches, keys
from vit_perception.training.student import Student, make_student
from vit_perception.training.targets import Collate, drivable_classes
from vit_perception.training.trainer import Trainer
from vit_perception.training.validation import validate

LABELS, SPLITS, INDEX = "labels.yaml", "splits.yaml", "index.npz"
CURVES, REPORT, MODEL = "curves.png", "report", "model"


def train_model(
    datasets: Sequence[Path],
    output: Path,
    config: TrainingConfig,
    student: str,
    labels: Path | None = None,
    blocks: int | None = None,
    workers: int = 0,
    splits: Path | None = None,
) -> Card | None:
    """Train on some datasets, or go on with the run in `output`, and publish the best model.

    Args:
        datasets: their folders, of any format that `open_dataset` knows.
        output: folder of the run. It gets `labels.yaml`, `splits.yaml` (names of the pictures of each part),
            `config.yaml`, `log.jsonl`, `curves.png`, `last.pt`, `best.pt`, `model/` and `report/`.
        config: how to train; with `navigation`, see `train_navigator`, and `labels` to `splits` say nothing.
        student: see `make_student`.
        labels: a label space; None for the labels of the datasets.
        blocks: how many of the student's blocks to keep; None for all.
        workers: processes that prepare batches.
        splits: which pictures are held out, see `read_split`; None: those that the datasets name, or a share.

    Returns:
        The card of the model; None in all processes but the first.

    Raises:
        FileNotFoundError: a dataset, a picture, the student or its teacher is missing.
        ValueError: a dataset, the student, its teacher or the config is wrong, or the run in `output` is
            another one.
    """
    processes = Processes.join()
    try:
        return _train_model(datasets, output, config, student, labels, blocks, workers, splits, processes)
    finally:
        processes.leave()


def _train_model(
    datasets: Sequence[Path],
    output: Path,
    config: TrainingConfig,
    student: str,
    labels: Path | None,
    blocks: int | None,
    workers: int,
    splits: Path | None,
    processes: Processes,
) -> Card | None:
    opened = [open_dataset(folder) for folder in datasets]
    if config.navigation is not None:
        return train_navigator(opened, output, config, student, processes)
    space = space_of_datasets(opened) if labels is None else read_label_space(labels)
    pictures = JoinedDataset(opened, space)
    folder = RunFolder(output)
    if processes.first:
        folder.keep_config(config)
        _keep_labels(space, output / LABELS)
    index, split = prepare(pictures, output, config, workers, processes, splits)
    known = index.known_by_any(split["train"])
    torch.manual_seed(config.seed)
    made = make_student(student, space, blocks, config.input_sizes)
    begun = {}
    if config.start_share:
        check_begun(student, space)
        begun = {name: value.clone() for name, value in made.model.state_dict().items()}
    heads = trained_heads(space, known, made)
    freeze_the_others(made.model, heads)
    freeze(made.model, config.frozen)
    card = dataclasses.replace(made.card, trained=heads, thresholds={"classification": 0.5, "detection": 0.5})
    trainer = Trainer(
        made.model,
        config,
        MaskClasses.of(index.shares[split["train"]].sum(0, dtype="f8"), space.group_ids),
        processes,
        _distiller(config, space, made, processes),
    )
    views = Views(pictures, split["train"], index, card, config)
    collate = Collate(
        space, card.mean, card.std, cell_stride(made.model, card), detection_strides(made.model)
    )
    pin = processes.device.type == "cuda"
    if processes.first:
        parts = ", ".join(f"{len(numbers)} {part}" for part, numbers in split.items())
        print(f"{len(space)} labels; pictures: {parts}; on {processes.device}", flush=True)
    standing = train(
        trainer,
        lambda step: batches(
            views, collate, keys(config, step, processes.rank, processes.world), workers, pin
        ),
        lambda average: validate(average, card, pictures, split["choose"], config.bf16),
        folder,
    )
    if not processes.first:
        return None
    draw_curves(folder.entries(), output / CURVES)
    best = folder.load_best()
    taught = f" Learned from {Path(config.distillation.teacher).name}." if config.distillation else ""
    learned = between(begun, best["model"], config.start_share) if begun else best["model"]
    trainer.average.load_state_dict(learned)
    card = dataclasses.replace(
        card,
        name=output.resolve().name,
        description=description(space, heads),
        provenance=(
            f"{made.source}{taught} Trained by vit-perception train for {best['step']} of {standing.step} "
            f"steps on {len(split['train'])} pictures of "
            f"{', '.join(path.resolve().name for path in datasets)}. "
            f"{len(split['choose'])} others chose the checkpoint and the thresholds, "
            f"{len(split['calibrate'])} fitted the temperatures, and metrics are of "
            f"{len(split['report'])} that did none of that."
        ),
    )
    card = publish(trainer.average.cpu(), card, pictures, split, output / MODEL)
    predictor = Predictor(card.folder)
    write_report(output / REPORT, pictures, split["report"], lambda rgb: predictor(rgb, "rgb"))
    return card


def _distiller(
    config: TrainingConfig, space: LabelSpace, student: Student, processes: Processes
) -> Distiller | None:
    if config.distillation is None:
        return None
    return make_distiller(
        config.distillation, space, student.card, student.model.backbone.embed_dim, processes.device
    )


def prepare(
    pictures: Pictures,
    output: Path,
    config: TrainingConfig,
    workers: int,
    processes: Processes,
    splits: Path | None = None,
) -> tuple[Index, Split]:
    """The index and the split of a run: those in its folder, or new ones, which are written there.

    Raises:
        FileNotFoundError: there is no file `splits`.
        ValueError: it does not fit the pictures, or the run in the folder has other pictures or parts.
    """
    names = [pictures.name(number) for number in range(len(pictures))]
    given = None if splits is None else read_split(splits, names)
    if processes.first and not (output / INDEX).exists():
        index = make_index(pictures, workers)
        save_index(index, output / INDEX)
        if not (output / SPLITS).exists():
            reserved = frozenset(int(number) for numbers in pictures.parts.values() for number in numbers)
            split = (
                given
                or given_split(pictures.parts, len(pictures))
                or split_pictures(names, index.examples, config.held_out, reserved)
            )
            write_split(split, names, output / SPLITS)
    processes.of_first(0.0)  # the others wait until the files are there
    index, split = load_index(output / INDEX), read_split(output / SPLITS, names)
    if len(index) != len(names):
        raise ValueError(
            f"{output} holds a run on {len(index)} pictures, and now there are {len(names)}: give another "
            "--output"
        )
    if given is not None and given != split:
        raise ValueError(f"{output / SPLITS} has other parts than {splits}: give another --output")
    return index, split


def _keep_labels(space: LabelSpace, path: Path) -> None:
    """Write the label space, or check that the run here has the same.

    Raises:
        ValueError: it has another one.
    """
    content = label_space_as_yaml(space)
    if path.exists() and yaml.safe_load(path.read_text(encoding="utf-8")) != content:
        raise ValueError(f"{path} holds other labels than this run: give another --output")
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def trained_heads(space: LabelSpace, known: Known, student: Student) -> tuple[str, ...]:
    """Which outputs learn something, as a card lists them.

    Raises:
        ValueError: nothing is labelled.
    """
    heads = []
    if known.boxes or known.masks:
        heads.append("classification")
    if (known.boxes | known.dense).intersection(space.things):
        heads.append("detection")
    if known.masks:
        heads.append("segmentation")
    if known.masks & drivable_classes(space):
        heads += ["navigation.action", "navigation.collision"]
    if not heads:
        raise ValueError("the pictures have no labels of this label space: give another one, or other data")
    if student.shows_attention:
        heads.append("attention")
    return tuple(heads)


def freeze_the_others(model: PerceptionModel, heads: Sequence[str]) -> None:
    """Keep the optimiser from shrinking heads that learn nothing."""
    learning = {head.split(".")[0] for head in heads}
    for task, head in model.heads.items():
        head.requires_grad_(task in learning)


def freeze(model: PerceptionModel, names: Sequence[str]) -> None:
    """Keep modules as they are.

    Raises:
        ValueError: the model has no module of such a name.
    """
    for name in names:
        try:
            model.get_submodule(name).requires_grad_(False)
        except AttributeError:
            raise ValueError(f"frozen names {name}, which the model does not have") from None


@torch.inference_mode()
def cell_stride(model: PerceptionModel, card: Card) -> float:
    """Input pixels a side of the cells of the segmentation head."""
    height, width = card.input_sizes[0]
    device = next(model.parameters()).device
    mask = model.eval()(torch.zeros(1, 3, height, width, device=device))["segmentation"]
    return height / float(mask.shape[-2])


def detection_strides(model: PerceptionModel) -> tuple[float, ...]:
    """Input pixels a side of the cells of the detection head, level by level."""
    head = model.heads["detection"]
    assert isinstance(head, AnchorFreeHead)
    return tuple(head.strides.values())


def description(space: LabelSpace, heads: Sequence[str]) -> str:
    """A sentence for the card."""
    tasks = list(dict.fromkeys(head.split(".")[0] for head in heads))
    return f"A model of {len(space)} classes, {len(space.things)} of them things, for {', '.join(tasks)}."


def default_workers(device: str) -> int:
    """Processes that prepare batches: as many as there are cores for a GPU, else none, which would take time
    from the model."""
    return min(os.cpu_count() or 1, 16) if device == "cuda" else 0
