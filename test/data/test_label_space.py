"""Label spaces: names and aliases, what joins datasets, and what is refused."""

import pytest
import yaml

from vit_perception.data.label_space import (
    DEFAULT_SPACE,
    Label,
    LabelSpace,
    label_space_as_yaml,
    read_label_space,
)

SPACE = LabelSpace((Label("Person", aliases=("Man_On_Foot",)), Label("grass", thing=False, drivable=True)))


def test_a_name_an_alias_and_neither():
    assert (SPACE.id_of("person"), SPACE.id_of(" man  on foot"), SPACE.find("tree")) == (0, 0, None)
    with pytest.raises(ValueError, match="no label is named 'gras': did you mean grass"):
        SPACE.id_of("gras")


def test_a_dataset_s_labels_are_joined_by_names_and_by_aliases_of_either():
    other = LabelSpace((Label("tree"), Label("man on foot"), Label("lawn", aliases=("grass",))))
    assert SPACE.ids_of(other) == (None, 0, 1)


def test_the_default_has_coco_s_eighty_things_first_and_thirty_classes_of_masks():
    space = read_label_space()
    assert space.things == tuple(range(80))
    assert (space.names[0], space.names[79]) == ("person", "toothbrush")
    assert len(space) - 80 >= 30
    assert {"person", "vehicle", "ground", "sky"} <= set(space.coarse_names)
    for name in ("wall-brick", "sidewalk", "diningtable", "windowpane", "door-stuff"):
        assert space.find(name) is not None, name
    drivable = {label.name for label in space.labels if label.drivable}
    assert {"road", "floor", "grass"} <= drivable
    assert "water" not in drivable


def test_groups_are_given_where_a_label_is_in_another_s():
    assert SPACE.groups == ()
    assert LabelSpace((Label("car", coarse="vehicle"), Label("sky"))).groups == ("vehicle", "sky")


def test_out_and_back(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(yaml.safe_dump(label_space_as_yaml(read_label_space(DEFAULT_SPACE))))
    assert read_label_space(file) == read_label_space(DEFAULT_SPACE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("labels: [person, person]", "'person' names both person and person"),
        ("labels: []", "has 0 labels"),
        ("labels: 3", "lacks a list called labels"),
        ("labels: [{name: a, colour: [1, 2]}]", "colour of a is"),
        ("labels: [{name: a, colour: [1, 2, 256]}]", "colour of a is"),
        ("labels: [{name: a, drivable: 1}]", "drivable of a is 1"),
        ("labels: [{name: a, color: red}]", "label a has unknown fields color"),
        ("labels: [{nme: a}]", "give a name, or a mapping with a name"),
        ("labels: ['']", "a label's name is ''"),
        ("labels: [{name: a, aliases: b}]", "aliases of a are 'b'"),
        ("labels: [{name: a, aliases: }]", "aliases of a are None"),
        ("labels: [{name: a, colour: 3}]", "colour of a is 3"),
        ("labels:\n- [a", "is not YAML: .* on line 2"),
    ],
)
def test_what_is_refused(tmp_path, content, reason):
    file = tmp_path / "space.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=reason) as error:
        read_label_space(file)
    assert str(file) in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no label space at .*none.yaml"):
        read_label_space(tmp_path / "none.yaml")
