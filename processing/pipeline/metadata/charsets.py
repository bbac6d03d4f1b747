# ruff: noqa: RUF001 - ambiguous characters are the subject of this module.
"""Guesses the charset of text that is not UTF-8, by the characters that each charset decodes it to.

Wrong guesses mix scripts or produce rare characters: a charset is accepted only if the whole text is in its script.
"""

from __future__ import annotations

import re

JAPANESE = re.compile(
    r"(?=.*[\u3041-\u30fe])(?=.*[\u3041-\u9fff].*[\u3041-\u9fff])[\x00-\x7f\u3000-\u30ff\u4e00-\u9fff\uff01-\uff5e]+",
    re.DOTALL,
)
CHINESE = re.compile(
    r"(?=.*[\u4e00-\u9fff].*[\u4e00-\u9fff])[\x00-\x7f\u3000-\u3017\u4e00-\u9fff\uff01-\uff5e]+", re.DOTALL
)
KOREAN = re.compile(r"(?:[\x00-\x7f]|[\uac00-\ud7a3]){2,}")
COMMON_HANGUL = frozenset(
    "이다는에의가을고지도하은기로서사리를인자그한어나시해대부일수아전보정제주장구라관상성들있여마무비와과우오소"
)
"""These make up half of all syllables in Korean text, and one in forty in Chinese text decoded as Korean."""
GREEK = re.compile(r"(?=.*[α-ω][άέήίόύώ])(?:[^A-Za-z\u0080-\uffff]|\b[Ά-ώ]+\b|\b[A-Za-z]+\b|[«»–—·’])+", re.DOTALL)
"""Requires an accented letter after a small one, as in most Greek words. As Cyrillic it would be a capital inside a word."""
# Whole words in Cyrillic: a Western word also has ASCII letters next to its accented ones.
CYRILLIC = re.compile(
    r"(?=(?:.*?[\u0430-\u044f]){4})(?:[^A-Za-z\u0080-\uffff]|\b[\u0401-\u0451]+\b|\b[A-Za-z]+\b|[«»№\u2013\u2014])+",
    re.DOTALL,
)
# Macs wrote this before UTF-8. Its accented letters have the codes of Windows's punctuation and capitals: Café becomes CafŽ.
MAC_ROMAN = re.compile(
    r"(?:[\t\n\r\x20-\x7e\xa0ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûüßÆØæøÀÃÕŒœÿŸÂÊÁËÈÍÎÏÌÓÔÒÚÛÙ°£§•®©™´¨«»…–—“”‘’¿¡‹›€‚„·ªº])+"
)
NO_MAC_ROMAN = re.compile(r"[a-zß-öø-ÿœ][À-ÖØ-ÞŒŸ]|[A-Za-zß-öø-ÿ][£§¨´•][A-Za-zß-öø-ÿ]")
CONSONANTS = "bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ"
NO_WESTERN = re.compile(
    r"[a-z][ŠŒŽŸ]|[A-Za-z][ŠŒŽŸ][a-z]|[a-z][À-ÖØ-Þ]"  # capitals inside a word
    r"|[A-Za-z][€ƒ†‡‰‹›™”“‘•¾®¯][a-z]|[a-z]¿|[A-Z]¿[a-z]|[a-zšŸ]§|[aeiou]–[aeiou]"  # symbols inside a word
    r"|(?<!\w)[€ƒ†‡®¯][a-z]|\d¡|[ˆ˜]"  # symbols in impossible positions
    rf"|[{CONSONANTS}][šž][{CONSONANTS}]"  # unpronounceable: Kšln
)
GREEK_ONLY = re.compile(rb"[\x00-\x7f\x92\x96\x97\xa2\xab\xb7-\xbc\xbe-\xd1\xd3-\xfe]+")
CYRILLIC_ONLY = re.compile(rb"[\x00-\x7f\xa8\xab\xb8-\xb9\xbb\x96\x97\xc0-\xff]+")


# IIM 4.2, 1:90: ISO 2022 escape sequences that select a charset, by their final letters (ISO-IR).
UTF_8 = re.compile(rb"\x1b%(?:G|/[G-I])")
ISO_8859_MARKER = re.compile(rb"\x1b[-./]([A-Za-z_])")
ISO_8859 = {
    "A": "cp1252", "B": "iso8859-2", "C": "iso8859-3", "D": "iso8859-4", "L": "iso8859-5", "G": "iso8859-6",
    "F": "iso8859-7", "H": "iso8859-8", "M": "iso8859-9", "V": "iso8859-10", "T": "iso8859-11", "Y": "iso8859-13",
    "_": "iso8859-14", "b": "iso8859-15", "f": "iso8859-16",
}  # fmt: skip


def charset_of_marker(marker: bytes) -> str | None:
    """Returns the Python name of the charset in IPTC's marker; None if the marker is unknown."""
    if UTF_8.search(marker):
        return "utf-8"
    match = ISO_8859_MARKER.search(marker)
    return ISO_8859.get(match[1].decode("ascii")) if match else None


def decode_guessed(content: bytes) -> str:
    for charset, script in _candidates(content):
        try:
            text = content.rstrip(b"\0").decode(charset)
        except UnicodeDecodeError:
            continue
        if script.fullmatch(text) and (charset != "euc_kr" or _is_korean(text)):
            return text
    return content.decode("mac_roman" if _is_mac_roman(content.rstrip(b"\0")) else "cp1252", "replace")


def _candidates(content: bytes) -> list[tuple[str, re.Pattern[str]]]:
    """Returns the charsets to try, with the script of each.

    Russian bytes also decode as Chinese, but hardly any Chinese text consists only of bytes that Russian uses.
    """
    greek = [("cp1253", GREEK)] if GREEK_ONLY.fullmatch(content) else []
    if CYRILLIC_ONLY.fullmatch(content):
        return [*greek, ("cp1251", CYRILLIC)]
    return [*greek, ("cp932", JAPANESE), ("euc_kr", KOREAN), ("gb2312", CHINESE)]


def _is_korean(text: str) -> bool:
    """True unless the text is Chinese: its bytes also decode to Korean syllables, but to rare ones."""
    syllables = [letter for letter in text if not letter.isascii()]
    return 5 * sum(letter in COMMON_HANGUL for letter in syllables) >= len(syllables)


def _is_mac_roman(content: bytes) -> bool:
    """True if the bytes are plausible text in Mac Roman and not in Windows-1252."""
    text = content.decode("mac_roman")
    if not MAC_ROMAN.fullmatch(text) or NO_MAC_ROMAN.search(text):
        return False
    try:
        return bool(NO_WESTERN.search(content.decode("cp1252")))
    except UnicodeDecodeError:  # Windows-1252 has five undefined bytes
        return True
