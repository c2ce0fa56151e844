"""The twelve classes of the default model, and the COCO categories that each stands for.

Each class lists all of its categories, so that an unknown category is an error, not "other".
"""

from __future__ import annotations

LABELS = (
    "person",
    "vehicle",
    "animal",
    "furniture",
    "food",
    "electronics",
    "ground",
    "sky",
    "structure",
    "vegetation",
    "water",
    "other",
)
# The classes that detection reports.
THINGS = (0, 1, 2, 3, 4, 5)
ACTIONS = ("turn_left", "forward", "turn_right", "stop")
GROUND = LABELS.index("ground")

# COCO category ids: 1 to 90 things, 92 to 200 stuff of the panoptic task.
_GROUPS = {
    "person": (1,),
    "vehicle": (2, 3, 4, 5, 6, 7, 8, 9),
    "animal": (16, 17, 18, 19, 20, 21, 22, 23, 24, 25),
    # bench, chair, couch, bed, dining table, toilet; counter, shelf, cabinet, table
    "furniture": (15, 62, 63, 65, 67, 70, 107, 156, 188, 189),
    # bottle to cake; fruit, other food
    "food": (44, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 122, 196),
    # tv to cell phone, microwave, oven, toaster, refrigerator
    "electronics": (72, 73, 74, 75, 76, 77, 78, 79, 80, 82),
    # floor, gravel, platform, playing field, railroad, road, sand, snow, pavement, grass, dirt, rug
    "ground": (118, 125, 144, 145, 147, 149, 154, 159, 190, 191, 193, 194, 200),
    "sky": (187,),
    # bridge, door, house, roof, stairs, tent, walls, blind, window, fence, ceiling, building
    "structure": (95, 112, 128, 151, 161, 166, 171, 175, 176, 177, 180, 181, 185, 186, 197, 199),
    # potted plant, flower, tree
    "vegetation": (64, 119, 184),
    "water": (148, 155, 178),
    # street furniture, accessories, sports, sink and small household things; textiles, paper, rock
    "other": (
        10, 11, 13, 14, 27, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 81, 84, 85, 86, 87, 88,
        89, 90, 92, 93, 100, 109, 130, 133, 138, 141, 168, 192, 195, 198,
    ),
}  # fmt: skip

COARSE = {category: LABELS.index(group) for group, categories in _GROUPS.items() for category in categories}

# The 80 categories of COCO's boxes in their contiguous order, as COCO's own (gapped) ids.
_BOX_CATEGORIES = tuple(
    i for i in range(1, 91) if i not in {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
)  # fmt: skip


def thing_of_box(index: int) -> int | None:
    """Class id of one of COCO's 80 box categories, 0 to 79; None where detection leaves it out.

    Raises:
        ValueError: The index is not one of the 80.
    """
    if not 0 <= index < len(_BOX_CATEGORIES):
        raise ValueError(f"box category {index} is not one of COCO's 80")
    class_id = COARSE[_BOX_CATEGORIES[index]]
    return class_id if class_id in THINGS else None
