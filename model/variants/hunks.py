"""The hunks of the patch as switches: each can be taken back by itself, all of them are `revision=before`."""

from __future__ import annotations

from typing import Final

from model.patch import HUNKS
from model.variants.language import HunkSwitch

SWITCHED: Final = (
    *("H02", "H03", "H04", "H05", "H06", "H07", "H08"),
    *("H09", "H12", "H13", "H14", "H15", "H16"),
)
"""The hunks that change what the code does; the others declare, rename or log."""

HUNK_SWITCHES: Final = tuple(
    HunkSwitch(
        name=hunk.id,
        default="after",
        other="before",
        text=hunk.text,
        source=f"{hunk.file}:{hunk.first} at upstream commit e624cb1172df",
        places=(hunk.function,),
    )
    for hunk in HUNKS
    if hunk.id in SWITCHED
)
