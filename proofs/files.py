"""Output files that are either written whole or left as they were."""

from __future__ import annotations

import os
from pathlib import Path

from proofs.exit_codes import CommandError, ExitCode


def check_writable(path: Path) -> None:
    """Raise CommandError if `path` cannot be written; an existing file keeps its content."""
    try:
        if _is_replaceable(path):
            _draft(path).touch()
            _draft(path).unlink()
        else:
            path.open("ab").close()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Make `content` the whole content of `path`.  Raises CommandError, with the old content kept, if that fails."""
    try:
        if not _is_replaceable(path):
            path.write_bytes(content)
            return
        draft = _draft(path)
        try:
            draft.write_bytes(content)
            draft.replace(path.resolve())
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _is_replaceable(path: Path) -> bool:
    """Whether a new file may take the place of `path`: not of a device or a pipe."""
    return path.is_file() or not path.exists()


def _draft(path: Path) -> Path:
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}")


def _unwritable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        ExitCode.INPUT, f"{path}: cannot be written ({error.strerror}); choose a file in an existing, writable folder"
    )
