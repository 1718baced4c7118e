"""Selects test data from a folder of recorded vectors: python tests/data/select_vectors.py FOLDER NAME.

NAME is `vectors`, or `vectors-before` for those of the commit before the patch.
Of each file, the first vector of every class is kept, and every 20th of the others. A class is what a vector
shows to the outside (variant, family, operation, outcome, failing check, reply, whose vCPU runs next), its
arguments, and the fields that it changes. The selection depends on nothing else: made again, it is the same.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

from msgspec import UNSET

from proofs.vectors.compare import failing_check
from proofs.vectors.format import RecordedReply, Vector, read_vectors

SPREAD = 20

VectorClass = tuple[object, ...]


def class_of(vector: Vector) -> VectorClass:
    """What a vector shows to the outside."""
    reply = (vector.ret.func, vector.ret.code) if isinstance(vector.ret, RecordedReply) else vector.ret
    return (
        vector.variant,
        vector.family,
        vector.op.name,
        vector.outcome,
        failing_check(vector.message),
        reply,
        _kind_of_next(vector),
    )


def _kind_of_next(vector: Vector) -> str | None:
    """Whose vCPU runs next: none's, the current one, or that of a partition of some kind."""
    return "current" if vector.next and vector.next == vector.op.current else _kind_of(vector, vector.next)


def _kind_of(vector: Vector, argument: Any) -> Any:
    """The kind of partition that an argument names; any other argument as it is."""
    owner = str(argument).split(".")[0]
    return next((vm.kind for vm in vector.topology.vms if vm.id == owner), argument)


def arguments(vector: Vector) -> tuple[object, ...]:
    """The arguments of a vector's operation, partitions and vCPUs by kind."""
    return tuple(_kind_of(vector, argument) for argument in vector.op.args.values())


def changed_fields(vector: Vector) -> frozenset[tuple[str, str]]:
    """The kinds of objects and their fields that a vector changes."""
    post = vector.post
    return frozenset(
        (kind, name)
        for kind, objects in (("vm", post.vm), ("vcpu", post.vcpu), ("cpu", post.cpu))
        for fields in objects.values()
        for name in fields.__struct_fields__
        if getattr(fields, name) is not UNSET
    )


def selected(path: Path) -> list[int]:
    """The line numbers of a file's selected vectors."""
    seen = set()
    lines = []
    for number, vector in read_vectors(path):
        key = (*class_of(vector), arguments(vector), changed_fields(vector))
        if key not in seen or number % SPREAD == 0:
            seen.add(key)
            lines.append(number)
    return lines


def main(source: Path, target: Path) -> None:
    """Write the selection of each file of a folder to another one."""
    target.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        chosen = b"".join(lines[number - 1] for number in selected(path))
        (target / path.name).write_bytes(gzip.compress(chosen, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent / sys.argv[2])
