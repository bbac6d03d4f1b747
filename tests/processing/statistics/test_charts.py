import pytest

from processing.statistics import charts

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.3, 1), (1, 1), (1.1, 2), (2, 2), (3, 5), (7, 10), (10, 10), (11, 20), (4999, 5000)]
)
def test_the_scale_ends_at_a_round_number(value, top):
    assert charts.rounded_up(value) == top


def test_a_line_is_a_step_for_each_value():
    assert charts.path([0, 10, 5], 10) == "M0 150H200L200 0H400L400 75H600"


def test_a_line_has_a_gap_where_nothing_was_measured():
    assert charts.path([None, 10, None, 0], 10) == "M150 0H300M450 150H600"


def test_without_values_there_is_no_line():
    assert charts.path([], 1) == charts.path([None], 1) == ""


def test_lines_of_a_chart_have_one_scale():
    chart = charts.draw("k", "Title", "s", [("a", "good", [1, None]), ("b", "bad", [None, 4])])

    assert chart.top == 5
    assert [line.path for line in chart.lines] == ["M0 120H300", "M300 30H600"]
    assert not chart.is_empty


@pytest.mark.parametrize("values", [[None, None], [0, 0], []])
def test_a_chart_without_anything_says_so(values):
    assert charts.draw("k", "Title", "", [("a", "good", values)]).is_empty
