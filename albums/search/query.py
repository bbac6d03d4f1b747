"""The query language: words, quoted phrases, qualifiers such as `rating:>=4`, each negated by a hyphen.

Every text is a query. What is no qualifier is searched for as words, with a hint on the page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from albums.search import qualifiers
from albums.search.qualifiers import Filter, NotAValue
from albums.search.text import words

MAX_TERMS = 20
MAX_LENGTH = 1000
"""Characters of a query that are read."""
TERM = re.compile(
    r"""(?P<minus>-)? (?:(?P<name>[^\W\d_]+):(?=\S))? (?: "(?P<phrase>[^"]*)"? | (?P<text>[^\s"]+) )""", re.VERBOSE
)


@dataclass(frozen=True, slots=True)
class Words:
    """Adjacent words to find: anywhere, or in one field of `qualifiers.TEXTS`.

    With `is_prefix`, the last one may be incomplete.
    """

    words: tuple[str, ...]
    field: str = ""
    is_prefix: bool = False
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A value to compare a column with, such as a range of stars."""

    filter: Filter
    is_negated: bool = False


Term = Words | Condition


@dataclass(frozen=True, slots=True)
class Query:
    """What to find: photos for which all terms are true. Without terms, nothing."""

    terms: tuple[Term, ...] = ()
    hints: tuple[str, ...] = ()
    """Sentences for the user about parts of the query that have another meaning than expected."""

    @property
    def words(self) -> list[Words]:
        return [term for term in self.terms if isinstance(term, Words)]

    @property
    def conditions(self) -> list[Condition]:
        return [term for term in self.terms if isinstance(term, Condition)]


def parse(text: str) -> Query:
    """Returns the query that the text means. Never raises an error."""
    hints: list[str] = []
    terms = list(dict.fromkeys(_terms(text[:MAX_LENGTH], hints)))
    if text.strip() and not terms and not hints:
        hints.append(f"“{text.strip()[:40]}” has no letters or digits to search for.")
    if len(terms) > MAX_TERMS:
        hints.append(f"Only the first {MAX_TERMS} terms are used.")
    return Query(tuple(terms[:MAX_TERMS]), tuple(dict.fromkeys(hints)))


def _terms(text: str, hints: list[str]) -> Iterator[Term]:
    for match in TERM.finditer(text):
        # The word that is being typed may be incomplete.
        is_prefix = match.end() == len(text) and match["phrase"] is None
        for term in _meaning(match, hints):
            if isinstance(term, Words):
                term = replace(term, is_prefix=is_prefix and not match["minus"])
            yield replace(term, is_negated=bool(match["minus"]))


def _meaning(match: re.Match[str], hints: list[str]) -> Iterator[Term]:
    """Yields the terms of one part of the query, not negated. A qualifier that is none becomes two words."""
    name, value = (match["name"] or "").lower(), match["text"] if match["phrase"] is None else match["phrase"]
    if name in qualifiers.TEXTS:
        yield from _words(value, name)
        return
    if name in qualifiers.FILTERS:
        try:
            yield Condition(qualifiers.FILTERS[name](value.lower()))
            return
        except NotAValue as error:
            hints.append(str(error))
    elif name:
        hints.append(f"“{name}:” is not a qualifier. Try {qualifiers.EXAMPLES}.")
    yield from _words(name)
    yield from _words(value)


def _words(text: str, field: str = "") -> Iterator[Words]:
    if searched_words := words(text):
        yield Words(searched_words, field)
