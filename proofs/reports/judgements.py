"""What is expected of the patch review: each change of behaviour, and how it was judged."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated, Literal

import msgspec

from proofs.findings import FindingError, findings


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that the patch makes: of behaviour, of a property, or of a check, by its key."""

    key: str
    judgement: Literal["regression", "intended", "harmless"]
    text: Annotated[str, msgspec.Meta(min_length=1)]
    finding: str = ""


class _Judgements(msgspec.Struct, forbid_unknown_fields=True):
    judged: list[Judgement]


def judgements() -> dict[str, Judgement]:
    """Every judgement, by key.  Raises FindingError when the file is malformed, or names no finding."""
    try:
        listed = msgspec.toml.decode((files("proofs.reports") / "judgements.toml").read_bytes(), type=_Judgements)
    except msgspec.DecodeError as error:
        raise FindingError(f"judgements.toml: {error}") from error
    for item in listed.judged:
        if item.finding and item.finding not in findings():
            raise FindingError(f"judgements.toml: {item.key} names no finding: {item.finding}")
    return {item.key: item for item in listed.judged}


def deviations(found: Iterable[str]) -> list[str]:
    """What of the changes found is not judged, and what of the judged ones is not there, in words."""
    known, keys = judgements(), set(found)
    return [
        *(f"not judged: {key}" for key in sorted(keys - known.keys())),
        *(f"judged, but gone: {key}" for key in sorted(known.keys() - keys)),
    ]
