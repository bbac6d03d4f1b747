"""File names as people see them. A name that a sender chose is shown, escaped, and never used as a path."""

import re
import unicodedata

LONGEST = 200
UNNAMED = "unnamed"

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that could hide or turn around what is shown: controls, bidi overrides, lone surrogates …"""
JOINER = "\u200d"  # holds emoji families together, and hides nothing


def shown(name: str) -> str:
    """The last part of the name, in one line, without what cannot be seen; shortened in the middle of nothing but its stem."""
    last = re.split(r"[/\\]", name)[-1]
    visible = "".join(
        c for c in unicodedata.normalize("NFC", last) if c == JOINER or unicodedata.category(c) not in INVISIBLE
    )
    return _shortened(visible.strip()) or UNNAMED


def _shortened(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        return name[: LONGEST - 1] + "…"
    return stem[: LONGEST - len(ending) - 2] + "…." + ending
