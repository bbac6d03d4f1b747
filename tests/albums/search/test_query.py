"""The query language, without a database."""

import random
from datetime import datetime

import pytest

from albums.search.qualifiers import Part, Rating, State, Taken, Type
from albums.search.query import MAX_TERMS, Condition, Query, Words, parse

pytestmark = pytest.mark.once


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_words_phrases_and_negation_are_terms_and_the_last_word_may_be_incomplete():
    assert parse('rome "new  york" -paris -"san jose" sun').terms == (
        Words(("rome",)),
        Words(("new", "york")),
        Words(("paris",), is_negated=True),
        Words(("san", "jose"), is_negated=True),
        Words(("sun",), is_prefix=True),
    )
    assert parse("rome ").terms == (Words(("rome",)),)
    assert parse('"rome').terms == (Words(("rome",)),)


def test_punctuation_separates_adjacent_words_and_letters_are_replaced():
    assert parse("IMG_0412.JPG Straße").terms == (
        Words(("img", "0412", "jpg")),
        Words(("strasse",), is_prefix=True),
    )


def test_dates_are_ranges():
    for value, first, end in (
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2024-2-29", "2024-02-29", "2024-03-01"),
        ("2024-05..2025-03", "2024-05-01", "2025-04-01"),
        ("2025..2024", "2024-01-01", "2026-01-01"),
        ("..2024", None, "2025-01-01"),
        ("2024-12..", "2024-12-01", None),
        (">2024", "2025-01-01", None),
        (">=2024-12", "2024-12-01", None),
        ("<2024-03-31", None, "2024-03-31"),
        ("<=2024-12", None, "2025-01-01"),
    ):
        taken = Taken(first and day(first), end and day(end))
        assert parse(f"taken:{value}").terms == (Condition(taken),), value


def test_other_qualifiers_are_conditions():
    query = parse("rating:>=4 RATING:<3 rating:5..2 type:jpg -type:raw is:edited has:gps")

    assert query.terms == (
        Condition(Rating(4, None)),
        Condition(Rating(None, 2)),
        Condition(Rating(2, 5)),
        Condition(Type("jpeg")),
        Condition(Type("raw"), is_negated=True),
        Condition(State("edited")),
        Condition(Part("location")),
    )
    assert query.hints == ()


def test_qualifiers_of_text_are_words_in_a_field():
    assert parse('camera:"eos 5d" -lens:50mm album:rom').terms == (
        Words(("eos", "5d"), "camera"),
        Words(("50mm",), "lens", is_negated=True),
        Words(("rom",), "album", is_prefix=True),
    )


def test_what_is_no_qualifier_is_searched_as_words_with_a_hint():
    query = parse("colour:red taken:yesterday is:blue ")

    assert [term.words for term in query.terms] == [
        ("colour",),
        ("red",),
        ("taken",),
        ("yesterday",),
        ("is",),
        ("blue",),
    ]
    assert [hint.partition(". ")[0] for hint in query.hints] == [
        "“colour:” is not a qualifier",
        "“yesterday” is not a date",
        "“is:blue” is unknown",
    ]


def test_equal_terms_are_merged_and_more_than_twenty_ignored_with_a_hint():
    assert len(parse("sun sun SUN rating:3 rating:3 ").terms) == 2
    query = parse(" ".join(f"word{number}" for number in range(30)))

    assert len(query.terms) == MAX_TERMS
    assert query.hints == ("Only the first 20 terms are used.",)


def test_a_text_without_words_is_an_empty_query():
    assert parse("") == parse(" ") == Query()
    for text in ("-", '"', '""', '-""', "*", "…", ":", "- -", "\0", "🎉"):
        assert parse(text) == Query((), (f"“{text}” has no letters or digits to search for.",)), text


def test_no_text_is_an_error():
    pieces = [
        *(
            '"',
            "-",
            ":",
            "..",
            ">=",
            "<",
            "*",
            "(",
            ")",
            "NEAR(",
            "OR",
            " ",
            "\0",
            "\n",
            "é",
            "ß",
            "東京",
            "\ud800",
            "-9",
        ),
        *(
            "camera:",
            "taken:",
            "rating:",
            "type:",
            "is:",
            "has:",
            "album:",
            "2024",
            "2024-99",
            "0000",
            "9999-12-31",
            "x" * 300,
        ),
    ]
    chance = random.Random(16)

    for _ in range(3000):
        text = "".join(chance.choices(pieces, k=chance.randrange(12)))
        query = parse(text)
        assert len(query.terms) <= MAX_TERMS
        assert all(word and len(word) <= 64 for term in query.words for word in term.words)
