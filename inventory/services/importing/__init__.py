"""Bringing in files: asked for here, read, stored and taken back by workers, step by step.

``begin_import`` keeps the upload and asks a worker to read it; the import then waits at its preview (or, for a table,
for its columns: ``map_columns``) until ``store_import`` or ``drop_import``; ``undo_import`` takes back what was stored.
"""

from inventory.services.importing.asking import (
    ImportRefusedError,
    PasswordNeededError,
    begin_import,
    choose_columns_again,
    drop_import,
    map_columns,
    store_import,
    undo_import,
)
from inventory.services.importing.locked import Tried, still_locked, try_password
from inventory.services.importing.outright import import_outright, look_over
from inventory.services.importing.outright_rows import Sheet, import_rows, look_over_rows, open_sheet
from inventory.services.importing.running import resume_imports, run_import, tidy_imports
from inventory.services.importing.undoing import what_was_taken_back

__all__ = [
    "ImportRefusedError",
    "PasswordNeededError",
    "Sheet",
    "Tried",
    "begin_import",
    "choose_columns_again",
    "drop_import",
    "import_outright",
    "import_rows",
    "look_over",
    "look_over_rows",
    "map_columns",
    "open_sheet",
    "resume_imports",
    "run_import",
    "still_locked",
    "store_import",
    "tidy_imports",
    "try_password",
    "undo_import",
    "what_was_taken_back",
]
