"""The pipeline's recipe, built from the settings of renditions."""

from dataclasses import replace

import pytest

from processing.pipeline import DEFAULT, Avif, Recipe, Rung
from processing.rendering import presets


def rungs(settings, **values) -> list[tuple[int, int, int]]:
    for name, value in values.items():
        setattr(settings, name, value)
    return [(rung.edge, rung.quality, rung.method) for rung in presets.current().rungs]


def test_without_settings_the_recipe_is_the_pipelines_default():
    assert presets.current() == replace(DEFAULT, limits=presets.current().limits)
    assert presets.current().identifier == str(DEFAULT.version)


def test_one_number_is_for_all_sizes_and_several_are_for_one_size_each(settings):
    assert rungs(settings, RENDITION_EDGES=[3840, 1000], WEBP_QUALITY=[70], WEBP_METHOD=[1, 6]) == [
        (3840, 70, 1),
        (1000, 70, 6),
    ]


def test_sizes_are_sorted_largest_first_with_their_own_numbers(settings):
    assert rungs(settings, RENDITION_EDGES=[300, 2000], WEBP_QUALITY=[60, 90]) == [(2000, 90, 2), (300, 60, 2)]


@pytest.mark.parametrize(
    "values",
    [
        {"RENDITION_EDGES": [2560, 1600, 800]},
        {"WEBP_QUALITY": [83]},
        {"WEBP_METHOD": [3]},
        {"AVIF": True},
        {"AVIF": True, "AVIF_QUALITY": 50},
        {"AVIF": True, "AVIF_SPEED": 6},
    ],
    ids=str,
)
def test_a_setting_that_changes_renditions_changes_the_recipes_identifier(settings, values):
    identifiers = {presets.current().identifier}
    settings.AVIF = "AVIF" in values
    if len(values) > 1:
        identifiers.add(presets.current().identifier)
    count = len(identifiers)
    for name, value in values.items():
        setattr(settings, name, value)

    assert len(identifiers | {presets.current().identifier}) == count + 1
    assert presets.current().identifier == presets.current().identifier


def test_settings_that_change_no_rendition_leave_the_recipes_identifier(settings):
    settings.MAX_JPEG_PIXELS, settings.AVIF_QUALITY, settings.WEBP_QUALITY = 1, 10, [84, 84, 80, 80]

    assert presets.current().identifier == str(DEFAULT.version)


def test_a_recipe_survives_the_conversion_to_json_and_back():
    recipe = Recipe(rungs=(Rung(500, 70, 1),), avif=Avif(50, 8))

    assert Recipe.from_json(recipe.as_json()) == recipe


def test_a_child_understands_the_limits_that_a_worker_of_an_earlier_version_sends():
    names = {
        *("jpeg_pixels", "other_pixels", "raw_pixels", "edge", "animation_frames", "animation_pixels"),
        *("swallowed_bytes", "largest_edge", "memory_bytes"),
    }

    assert DEFAULT.as_json()["limits"].keys() == names
    assert Recipe.from_json(DEFAULT.as_json()) == DEFAULT


@pytest.mark.parametrize(
    ("values", "is_ladder"),
    [
        ({"RENDITION_EDGES": []}, False),
        ({"RENDITION_EDGES": [800, 800]}, False),
        ({"RENDITION_EDGES": [800, 400], "WEBP_QUALITY": [80, 80, 80]}, False),
        ({"RENDITION_EDGES": [800, 400], "WEBP_METHOD": [4, 4]}, True),
        ({"WEBP_METHOD": [4]}, True),
    ],
)
def test_inconsistent_sizes_and_qualities_are_recognised(settings, values, is_ladder):
    for name, value in values.items():
        setattr(settings, name, value)

    assert presets.is_ladder() is is_ladder
