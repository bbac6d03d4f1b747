"""Positions between neighbours, without a database: random moves are compared with moves in a list."""

import random

import pytest

from albums.order import spacing

pytestmark = pytest.mark.once
LATEST = 1_764_000_000_000_000


def test_positions_are_spread_at_equal_distances():
    assert spacing.spread(0, 100, 3, LATEST) == [25, 50, 75]
    assert spacing.spread(0, 3, 3, LATEST) == []
    assert spacing.spread(None, 0, 2, LATEST) == [-2 * spacing.GAP, -spacing.GAP]
    assert spacing.spread(0, None, 2, LATEST) == [spacing.GAP, 2 * spacing.GAP]


def test_no_position_is_in_the_future():
    assert spacing.spread(LATEST - 7, None, 3, LATEST) == [LATEST - 5, LATEST - 3, LATEST - 1]
    assert spacing.spread(LATEST, None, 1, LATEST) == []


def test_no_sorted_album_reaches_the_positions_of_uploads():
    for count in (1, 100_000, 10_000_000, 10**9):
        assert 0 < count * spacing.sorted_gap(count) <= spacing.MAX_SORTED


@pytest.mark.parametrize("gap", [1, 40])
def test_random_moves_give_the_order_of_a_list(gap):
    generator = random.Random(gap)
    positions = {pk: LATEST - 400 * gap + pk * gap for pk in range(400)}
    model = list(positions)
    for _ in range(300):
        moved = generator.sample(model, generator.choice([1, 1, 1, 7]))
        model = [pk for pk in model if pk not in moved]
        # Mostly to the same places, so that the gaps there are exhausted.
        index = generator.choice([0, 5, 5, 5, len(model), generator.randrange(len(model))])
        before, after = ([(pk, positions[pk]) for pk in part] for part in (model[:index], model[index:]))

        positions |= spacing.insert(before[-501:], after[:501], moved, LATEST)

        model[index:index] = moved
        assert sorted(positions, key=positions.__getitem__) == model
        assert len(set(positions.values())) == len(model)
    assert max(positions.values()) <= LATEST


def test_a_move_changes_one_photo_while_there_is_room():
    before, after = [(1, 0), (2, 100)], [(3, 110), (4, 200)]
    assert spacing.insert(before, after, [9], LATEST) == {9: 105}


def test_an_exhausted_gap_renumbers_the_nearest_neighbours():
    rows = [(pk, pk * spacing.GAP) for pk in range(100)] + [(pk, 99 * spacing.GAP + pk) for pk in range(100, 110)]
    rows += [(pk, pk * spacing.GAP) for pk in range(110, 200)]

    changed = spacing.insert(rows[:105], rows[105:], [999], LATEST)

    assert set(changed) == {*range(97, 113), 999}


def test_without_room_for_any_neighbourhood_nothing_is_returned():
    rows = [(pk, LATEST - 2000 + pk) for pk in range(2000)]
    assert spacing.insert(rows[499:1000], rows[1000:1501], [9999], LATEST) == {}
