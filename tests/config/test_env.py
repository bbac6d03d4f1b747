"""Reading environment variables as typed values; invalid values stop the start."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture
def set_variable(monkeypatch):
    return lambda value: monkeypatch.setenv("THING", value)


def test_a_variable_that_is_not_set_has_its_default(monkeypatch):
    monkeypatch.delenv("THING", raising=False)

    assert env.text("THING", "a") == "a"
    assert env.flag("THING", True) is True
    assert env.number("THING", 7) == 7
    assert env.seconds("THING", 0.5) == 0.5
    assert env.size("THING", "2G") == 2 << 30
    assert env.items("THING", "a,b") == ["a", "b"]
    assert env.numbers("THING", "3,1") == [3, 1]
    assert env.path("THING", Path("/there")) == Path("/there")


@pytest.mark.parametrize(("raw", "value"), [("1", True), ("Yes", True), ("ON", True), ("0", False), ("", False)])
def test_a_flag_accepts_the_usual_words(set_variable, raw, value):
    set_variable(raw)

    assert env.flag("THING") is value


@pytest.mark.parametrize(
    ("raw", "value"),
    [("65536", 65536), ("512M", 512 << 20), ("2g", 2 << 30), ("2GiB", 2 << 30), ("1 ", 1), ("1T", 1 << 40)],
)
def test_a_size_may_have_a_unit(set_variable, raw, value):
    set_variable(raw)

    assert env.size("THING", "1") == value


def test_items_are_separated_by_commas(set_variable):
    set_variable(" a, b ,,c ")

    assert env.items("THING") == ["a", "b", "c"]


def test_a_relative_path_is_made_absolute(set_variable, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    set_variable("data")

    assert env.path("THING", Path("/there")) == tmp_path / "data"


@pytest.mark.parametrize(
    ("reader", "raw"),
    [
        (lambda: env.flag("THING"), "maybe"),
        (lambda: env.number("THING", 1), "one"),
        (lambda: env.number("THING", 1), "1.5"),
        (lambda: env.number("THING", 1, minimum=1), "0"),
        (lambda: env.number("THING", 1, maximum=65535), "65536"),
        (lambda: env.seconds("THING", 1), "soon"),
        (lambda: env.seconds("THING", 1), "nan"),
        (lambda: env.seconds("THING", 1), "-1"),
        (lambda: env.size("THING", "1"), "large"),
        (lambda: env.size("THING", "1"), "-5M"),
        (lambda: env.size("THING", "1"), "1.5G"),
        (lambda: env.size("THING", "1"), "M"),
    ],
)
def test_an_invalid_value_stops_the_start_and_names_the_variable(set_variable, reader, raw):
    set_variable(raw)

    with pytest.raises(ImproperlyConfigured, match="THING"):
        reader()


def test_numbers_are_separated_by_commas(set_variable):
    set_variable(" 2048, 1024,")

    assert env.numbers("THING") == [2048, 1024]


@pytest.mark.parametrize("raw", ["2048;1024", "many", "1.5", "2048,0", "2048,99999"])
def test_invalid_numbers_are_rejected(set_variable, raw):
    set_variable(raw)

    with pytest.raises(ImproperlyConfigured, match="THING must be"):
        env.numbers("THING", minimum=1, maximum=5000)


def test_a_choice_is_case_insensitive_and_an_unknown_one_is_rejected(set_variable):
    set_variable(" Path ")

    assert env.one_of("THING", "auto", choices={"auto", "path"}) == "path"

    set_variable("paht")
    with pytest.raises(ImproperlyConfigured, match="THING must be one of auto, path"):
        env.one_of("THING", "auto", choices={"auto", "path"})


def test_a_secret_is_read_from_a_variable_or_from_a_file(monkeypatch, tmp_path):
    monkeypatch.setenv("OF_A_TEST", "from the environment")
    assert env.secret("OF_A_TEST") == "from the environment"

    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("OF_A_TEST_FILE", str(tmp_path / "secret"))
    assert env.secret("OF_A_TEST") == "from a file"

    monkeypatch.setenv("OF_A_TEST_FILE", str(tmp_path / "missing"))
    with pytest.raises(ImproperlyConfigured, match="Can't read OF_A_TEST_FILE"):
        env.secret("OF_A_TEST")
