"""The full-text index on SQLite: FTS5 tables, kept by triggers in the transaction that changes a row.

The triggers call no function of Python, so that every program that opens the database can write to it. The tables of Django are
named in no trigger of another table: SQLite would not let Django rebuild them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from albums.search.query import Words
from albums.search.text import LETTERS, SINGLE

MAX_TEXT = 50_000
"""Characters of a photo's texts that are indexed, as on PostgreSQL, whose index has a limit."""
MAX_SHORT_TEXT = 5_000
"""Characters of a photo's alternative text that are indexed, so that a long one leaves room for the caption."""
BLOCK = 200
"""Characters of a text that are divided at a time."""
MAX_NESTING = 9
"""Calls in one expression; SQLite's parser overflows at about 30."""
PHOTO_COLUMNS = (
    "name", "title", "edited_title", "caption", "edited_caption", "keywords", "edited_keywords", "alt_text", "camera",
    "lens", "creator",
)  # fmt: skip
TRIGGERS = tuple(
    f"albums_{table}_words_{event}" for table in ("photo", "album") for event in ("insert", "update", "delete")
)
FIELDS = {"camera": "camera", "lens": "lens", "keyword": "keywords"}
"""Columns of the index by qualifier."""


def _photo_rows(row: str, source: str = "") -> str:
    """Returns a SELECT of the rows of albums_photo_words for one row of albums_photo, or for the rows of a FROM clause."""
    keywords = f"(SELECT group_concat(value, ' ') FROM json_each(coalesce({row}.edited_keywords, {row}.keywords)))"
    texts = (
        f"coalesce({row}.edited_title, {row}.title)", f"substr({row}.alt_text, 1, {MAX_SHORT_TEXT})", f"{row}.creator",
        f"coalesce({row}.edited_caption, {row}.caption)",
    )  # fmt: skip
    first = {
        "id": f"{row}.id",
        "camera": f"{row}.camera",
        "lens": f"{row}.lens",
        "keywords": f"coalesce({keywords}, '')",
        "words": " || ' ' || ".join(texts),
        "name": f"{row}.name",
        "numbers": f"{row}.name",
    }
    columns = {column: column for column in first}
    # Spaces around each run of digits: DSC0412 becomes DSC 0412.
    marked = columns | {"numbers": _replaced("numbers", {str(digit): f"\2{digit}\3" for digit in range(10)})}
    divided = columns | {"numbers": _replaced("numbers", {"\3\2": "", "\2": " ", "\3": " "})}
    joined = columns | {"words": f"substr(name || ' ' || numbers || ' ' || words, 1, {MAX_TEXT})"}
    spaced = columns | {column: _spaced(column) for column in ("keywords", "words")}
    return _staged(source, [first, marked, divided, joined, spaced, *_folded(columns)])


def _folded(columns: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yields stages that replace the letters that FTS5 leaves as they are. It folds case and accents itself."""
    letters = list(LETTERS.items())
    for begin in range(0, len(letters), MAX_NESTING):
        replacements = dict(letters[begin : begin + MAX_NESTING])
        texts = [column for column in ("title", "camera", "lens", "keywords", "words") if column in columns]
        yield columns | {column: _replaced(column, replacements) for column in texts}


def _spaced(text: str) -> str:
    """Returns the text with spaces around each character of SINGLE.

    The text is divided into blocks first: SQLite finds a character by reading the text from its start.
    """
    characters = f"[{''.join(SINGLE)}]"
    blocks = (
        f"blocks(number, block) AS (SELECT 0, substr({text}, 1, {BLOCK}) UNION ALL "
        f"SELECT number + 1, substr({text}, {BLOCK} * (number + 1) + 1, {BLOCK}) FROM blocks "
        f"WHERE length({text}) > {BLOCK} * (number + 1))"
    )
    places = f"places(place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM places WHERE place < {BLOCK})"
    letters = "SELECT substr(block, place, 1) AS letter FROM blocks CROSS JOIN places ORDER BY number, place"
    spaced = f"group_concat(CASE WHEN letter GLOB '{characters}' THEN ' ' || letter || ' ' ELSE letter END, '')"
    divided = f"(SELECT {spaced} FROM (WITH RECURSIVE {blocks}, {places} {letters}))"
    return f"CASE WHEN {text} GLOB '*{characters}*' THEN {divided} ELSE {text} END"


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = f"replace({text}, '{old}', '{new}')"
    return text


def _staged(source: str, stages: Sequence[dict[str, str]]) -> str:
    """Returns a SELECT that computes each stage's columns from those of the stage before. The first one reads the source.

    The stages are common table expressions, because SQLite's parser limits how deep calls may be nested.
    """
    sources = [source, *(f"FROM stage{number}" for number in range(len(stages) - 1))]
    expressions = ", ".join(
        f"stage{number}({', '.join(stage)}) AS (SELECT {', '.join(stage.values())} {source})"
        for number, (stage, source) in enumerate(zip(stages, sources, strict=True))
    )
    columns = ", ".join(column for column in stages[-1] if column not in ("name", "numbers"))
    return f"SELECT {columns} FROM (WITH {expressions} SELECT * FROM stage{len(stages) - 1})"


def _album_rows(row: str, source: str = "") -> str:
    columns = {"id": "id", "title": "title"}
    spaced = columns | {"title": _spaced("title")}
    return _staged(source, [{"id": f"{row}.id", "title": f"{row}.title"}, spaced, *_folded(columns)])


def _triggers(table: str, columns: Sequence[str], index_columns: str, rows: str) -> tuple[str, ...]:
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    index = f"albums_{table}_words"
    remove = f"DELETE FROM {index} WHERE rowid = old.id;"
    add = f"INSERT INTO {index} (rowid, {index_columns}) {rows};"
    is_changed = f"({old}) IS NOT ({new})" if len(columns) > 1 else f"{old} IS NOT {new}"
    return (
        f"CREATE TRIGGER {index}_insert AFTER INSERT ON albums_{table} BEGIN {add} END",
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {', '.join(columns)} ON albums_{table} "
        f"WHEN {is_changed} BEGIN {remove} {add} END",
        f"CREATE TRIGGER {index}_delete AFTER DELETE ON albums_{table} BEGIN {remove} END",
    )


_PHOTO_INDEX_COLUMNS = "camera, lens, keywords, words"
_OPTIONS = """tokenize = "unicode61 remove_diacritics 2", columnsize = 0"""
_RANGE = "FROM albums_{0} {0} WHERE {0}.id > %s AND {0}.id <= %s"

CREATE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS albums_photo_words USING fts5({_PHOTO_INDEX_COLUMNS}, {_OPTIONS})",
    f"CREATE VIRTUAL TABLE IF NOT EXISTS albums_album_words USING fts5(title, {_OPTIONS})",
    *(f"DROP TRIGGER IF EXISTS {trigger}" for trigger in TRIGGERS),
    *_triggers("photo", PHOTO_COLUMNS, _PHOTO_INDEX_COLUMNS, _photo_rows("new")),
    *_triggers("album", ("title",), "title", _album_rows("new")),
)
DROP = (
    *(f"DROP TRIGGER IF EXISTS {trigger}" for trigger in TRIGGERS),
    "DROP TABLE IF EXISTS albums_photo_words",
    "DROP TABLE IF EXISTS albums_album_words",
)
COUNT_TRIGGERS = (
    f"SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ({', '.join(map(repr, TRIGGERS))})"
)
REBUILD = {
    "photo": (
        "DELETE FROM albums_photo_words WHERE rowid > %s AND rowid <= %s",
        f"INSERT INTO albums_photo_words (rowid, {_PHOTO_INDEX_COLUMNS}) {_photo_rows('photo', _RANGE.format('photo'))}",
    ),
    "album": (
        "DELETE FROM albums_album_words WHERE rowid > %s AND rowid <= %s",
        f"INSERT INTO albums_album_words (rowid, title) {_album_rows('album', _RANGE.format('album'))}",
    ),
}
"""Statements that replace the index entries of rows in a range of ids. Parameters: the exclusive first and inclusive last id."""


def ids(table: str, terms: Sequence[Words]) -> tuple[str, list[str]]:
    """Returns a subquery, and its parameters, of the photos or albums with all of the terms."""
    index = f"albums_{table}_words"
    return f"SELECT rowid FROM {index} WHERE {index} MATCH %s", [" AND ".join(map(_phrase, terms))]


def joined(terms: Sequence[Words]) -> dict[str, Any]:
    """Returns arguments of QuerySet.extra() that join photos with their entries that have all of the terms."""
    index = "albums_photo_words"
    conditions = [f"albums_photo.id = {index}.rowid", f"{index} MATCH %s"]
    return {"tables": [index], "where": conditions, "params": ids("photo", terms)[1]}


def _phrase(term: Words) -> str:
    column = f"{FIELDS[term.field]} : " if term.field in FIELDS else ""
    return f'{column}"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'
