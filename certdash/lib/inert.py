"""Hostile text made harmless, on pages, in PDFs and in files.

Certificates, servers and uploads choose these texts. Markup is the template's business (it escapes
everything); here are the characters that deceive a reader or a program that reads after us.
"""

import re

# Blank or ignorable, though Unicode calls them letters, marks or symbols: fillers, joiners and
# variation selectors. Everything else that cannot be seen is not "printable" for Python.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_CELL_CONTROL = ("\t", "\r", "\n", "\0")


def visible(text: str) -> str:
    """Show what cannot be seen by its number: NUL as ‹U+0000›.

    Control, bidirectional, zero-width and separator characters, unusual spaces, surrogates and
    unassigned characters. No control pictures (␀): the fonts of the PDF lack them. The result is one
    line of characters that XML and every database take; applied twice it changes nothing.
    """
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() and not _BLANK.match(character):
        return character
    return f"\u2039U+{ord(character):04X}\u203a"


def for_csv(cell: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers and None are ours and stay.

    Line feeds inside a text stay too: the CSV writer quotes them.
    """
    if cell is None or isinstance(cell, int | float):
        return "" if cell is None else str(cell)
    text = str(cell)
    shown = "\n".join(map(visible, text.replace("\r\n", "\n").split("\n")))
    if text.startswith(_CELL_CONTROL) or shown.lstrip().startswith(_FORMULA):
        return f"'{shown}"
    return shown


def shorten(text: str, limit: int) -> str:
    """Cut after `limit` characters, of which the last is then an ellipsis."""
    if len(text) <= limit:
        return text
    return text[: max(limit - 1, 0)] + "…" if limit > 0 else ""
