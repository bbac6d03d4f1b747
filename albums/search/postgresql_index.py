"""The full-text index on PostgreSQL: tables of tsvectors, kept by triggers in the transaction that changes a row.

The functions fold case and accents themselves, because the database's locale may know only ASCII (`C`), or fold I as in Turkish.
The triggers name no columns: PostgreSQL would not let a migration change the type of such a column.
"""

import unicodedata
from collections.abc import Sequence

from albums.search.query import Words
from albums.search.sqlite_index import MAX_SHORT_TEXT, MAX_TEXT, PHOTO_COLUMNS
from albums.search.text import LETTERS, SINGLE

TRIGGERS = tuple(f"albums_{table}_words_{event}" for table in ("photo", "album") for event in ("change", "truncate"))
WEIGHTS = {"camera": "A", "lens": "B", "keyword": "C"}
"""Weights of lexemes by qualifier; all other text has D."""
MARKS = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
SEPARATORS = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7"
    r"\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05f3\u05f4\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964\u0965"
    r"\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u30fb\uff5f-\uff65"
    r"\U0001f000-\U0001faff]"
)
"""What is between words. In the locale `C`, PostgreSQL takes every character outside of ASCII for a letter."""


def _lower_case() -> tuple[str, str]:
    """Returns all upper-case letters that are neither ASCII nor composed, and their lower-case letters."""
    letters = [
        letter
        for letter in map(chr, range(0x80, 0x10000))
        if len(letter.lower()) == 1 and letter.lower() != letter and unicodedata.normalize("NFKD", letter) == letter
    ]
    return "".join(letters), "".join(letters).lower()


def _folded(text: str) -> str:
    for letter, replacement in LETTERS.items():
        text = f"replace({text}, '{letter}', '{replacement}')"
    upper, lower = _lower_case()
    decomposed = f"regexp_replace(left(normalize({text}, NFKD), {MAX_TEXT}), '{MARKS}', '', 'g')"
    return f"""translate(lower({decomposed} COLLATE "C"), '{upper}', '{lower}')"""


_KEYWORDS = """(SELECT string_agg(keyword, ' ') FROM jsonb_array_elements_text(
    CASE jsonb_typeof({0}) WHEN 'array' THEN {0} ELSE '[]' END) keyword)"""


def _photo_words(row: str) -> str:
    texts = (
        f"{row}.name", rf"regexp_replace({row}.name, '([0-9]+)', ' \1 ', 'g')",
        f"coalesce({row}.edited_title, {row}.title)", f"left({row}.alt_text, {MAX_SHORT_TEXT})", f"{row}.creator",
        f"coalesce({row}.edited_caption, {row}.caption)",
    )  # fmt: skip
    keywords = _KEYWORDS.format(f"coalesce({row}.edited_keywords, {row}.keywords)")
    weighted = ((f"{row}.camera", "A"), (f"{row}.lens", "B"), (f"coalesce({keywords}, '')", "C"))
    parts = [f"setweight(albums_words({text}, {MAX_SHORT_TEXT}), '{weight}')" for text, weight in weighted]
    joined = " || ' ' || ".join(texts)
    return " || ".join([*parts, f"albums_words({joined}, {MAX_TEXT})"])


def _triggers(table: str, columns: Sequence[str], document: str) -> tuple[str, ...]:
    index, key = f"albums_{table}_words", f"{table}_id"
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return (
        f"""CREATE OR REPLACE FUNCTION {index}_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                TRUNCATE {index};
            ELSIF TG_OP = 'DELETE' THEN
                DELETE FROM {index} WHERE {key} = OLD.id;
            ELSIF TG_OP = 'INSERT' OR ROW({old}) IS DISTINCT FROM ROW({new}) THEN
                INSERT INTO {index} ({key}, words) VALUES (NEW.id, {document})
                ON CONFLICT ({key}) DO UPDATE SET words = excluded.words;
            END IF;
            RETURN NULL; END $$""",
        f"CREATE TRIGGER {index}_change AFTER INSERT OR UPDATE OR DELETE ON albums_{table} "
        f"FOR EACH ROW EXECUTE FUNCTION {index}_change()",
        f"CREATE TRIGGER {index}_truncate AFTER TRUNCATE ON albums_{table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {index}_change()",
    )


def _rebuild(table: str, document: str) -> tuple[str, ...]:
    """The rows are locked, so that a change at the same time comes after this one or is seen by it."""
    index, key = f"albums_{table}_words", f"{table}_id"
    return (
        f"DELETE FROM {index} WHERE {key} > %s AND {key} <= %s "
        f"AND NOT EXISTS (SELECT 1 FROM albums_{table} WHERE id = {key})",
        f"INSERT INTO {index} ({key}, words) SELECT id, {document} FROM (SELECT * FROM albums_{table} "
        f"WHERE id > %s AND id <= %s FOR NO KEY UPDATE) {table} "
        f"ON CONFLICT ({key}) DO UPDATE SET words = excluded.words",
    )


_SPACED = f"regexp_replace(normalize($1, NFC), '([{''.join(SINGLE)}])', ' \\1 ', 'g')"
"""The text with spaces around each character of SINGLE."""
_ALBUM_WORDS = f"albums_words({{row}}.title, {MAX_TEXT})"

CREATE = (
    f"""CREATE OR REPLACE FUNCTION albums_fold(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT CASE WHEN $1 ~ '^[\\x01-\\x7f]*$' THEN lower($1 COLLATE "C") ELSE {_folded("$1")} END $$""",
    # Decomposing lengthens a text, up to 18 times. PostgreSQL's limit for the words of a row is 1 MB.
    f"""CREATE OR REPLACE FUNCTION albums_words(text, integer) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT to_tsvector(
            'simple', left(regexp_replace(albums_fold(left({_SPACED}, $2)), '{SEPARATORS}', ' ', 'g'), $2)) $$""",
    *(
        f"CREATE TABLE IF NOT EXISTS albums_{table}_words ({table}_id bigint PRIMARY KEY, words tsvector NOT NULL)"
        for table in ("photo", "album")
    ),
    *(
        f"CREATE INDEX IF NOT EXISTS albums_{table}_words_index ON albums_{table}_words USING gin (words)"
        for table in ("photo", "album")
    ),
    *(
        f"DROP TRIGGER IF EXISTS {trigger} ON albums_{table}"
        for table in ("photo", "album")
        for trigger in TRIGGERS
        if table in trigger
    ),
    *_triggers("photo", PHOTO_COLUMNS, _photo_words("NEW")),
    *_triggers("album", ("title",), _ALBUM_WORDS.format(row="NEW")),
)
DROP = (
    *(
        f"DROP TRIGGER IF EXISTS albums_{table}_words_{event} ON albums_{table}"
        for table in ("photo", "album")
        for event in ("change", "truncate")
    ),
    *(f"DROP FUNCTION IF EXISTS albums_{table}_words_change" for table in ("photo", "album")),
    *(f"DROP TABLE IF EXISTS albums_{table}_words" for table in ("photo", "album")),
    "DROP FUNCTION IF EXISTS albums_words",
    "DROP FUNCTION IF EXISTS albums_fold",
)
COUNT_TRIGGERS = f"SELECT count(*) FROM pg_trigger WHERE tgname IN ({', '.join(map(repr, TRIGGERS))})"
REBUILD = {
    "photo": _rebuild("photo", _photo_words("photo")),
    "album": _rebuild("album", _ALBUM_WORDS.format(row="album")),
}
"""As in sqlite_index."""


def ids(table: str, terms: Sequence[Words]) -> tuple[str, list[str]]:
    """Returns a subquery, and its parameters, of the photos or albums with all of the terms."""
    query = "to_tsquery('simple', albums_fold(%s))"
    return f"SELECT {table}_id FROM albums_{table}_words WHERE words @@ {query}", [" & ".join(map(_phrase, terms))]


def _phrase(term: Words) -> str:
    """Returns the words as a tsquery. They have neither quotes nor backslashes."""
    weight = WEIGHTS.get(term.field, "")
    last = f":{'*' if term.is_prefix else ''}{weight}" if term.is_prefix or weight else ""
    suffixes = [f":{weight}" if weight else ""] * (len(term.words) - 1) + [last]
    lexemes = [f"'{word}'{suffix}" for word, suffix in zip(term.words, suffixes, strict=True)]
    return f"({' <-> '.join(lexemes)})"
