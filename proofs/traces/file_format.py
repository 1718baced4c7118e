"""Trace files: their structure, strict reading, and JSON schema (docs/schemas/trace.schema.json)."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from model.environment import Action, Argument, Assumptions
from model.machine import Outcome
from model.source import UPSTREAM_COMMIT
from model.system import OPERATIONS
from model.topology import Partition, PartitionKind, Topology
from model.topology_file import MAX_CPUS, MAX_PARTITIONS
from model.values import DirectMessage, FfaError, Framework, Func, InterruptAction, PsciStatus, World
from model.variables import Key
from proofs.traces.values import field_text, object_text

if TYPE_CHECKING:
    from proofs.traces.path import Passage
    from proofs.traces.trace import Trace, TraceStep

LARGEST_FILE = 20_000_000
"""Bytes.  No trace is nearly as long."""

KNOWN_OPERATIONS = (*OPERATIONS, "load_vms", "plat_psci_cpu_resume", "api_regs_state_saved", "api_interrupt_get")

PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
Text = Annotated[str, Meta(pattern=PRINTABLE, max_length=2_000)]
"""Text without control characters and without those that change the direction of writing."""
ObjectName = Annotated[
    str,
    Meta(
        pattern=r"^(vm 0x[0-9a-f]{1,4}|vcpu 0x[0-9a-f]{1,4}\.[0-9]|cpu [0-9])$",
        description="`vm 0x8001`, `vcpu 0x8001.0`, `cpu 1`.",
    ),
]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Id = Annotated[int, Meta(ge=0, le=0xFFFF)]
Count = Annotated[int, Meta(ge=1, le=MAX_CPUS)]


class TraceFileError(ValueError):
    """A file is not a trace file of this version; the message is one sentence naming the file and the fix."""


class _Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the file structures: nothing may be missing or unknown."""


class FilePartition(_Struct, frozen=True):
    """One VM structure of Hafnium and what its manifest says."""

    id: Id
    kind: PartitionKind
    vcpu_count: Count
    el0: bool
    lifecycle_support: bool
    cpu_off_subscribed: bool
    sri_intr_while_waiting: bool
    sri_intr_pending_entry_wait: bool
    ns_interrupts_action: InterruptAction
    other_s_interrupts_action: InterruptAction
    interrupts: Annotated[tuple[Annotated[int, Meta(ge=0, le=1023)], ...], Meta(max_length=2)]
    interrupts_enabled: bool


class FileTopology(_Struct, frozen=True):
    """CPUs and partitions: the boot list in boot order, then the other world."""

    name: Name
    world: World
    cpus: Count
    partitions: Annotated[tuple[FilePartition, ...], Meta(min_length=1, max_length=MAX_PARTITIONS + 2)]
    description: Text


class ObjectArgument(_Struct, frozen=True, tag="object"):
    """A VM, vCPU or CPU as an argument."""

    name: ObjectName


class ErrorArgument(_Struct, frozen=True, tag="error"):
    """An FF-A error code as an argument."""

    code: FfaError


class MessageArgument(_Struct, frozen=True, tag="message"):
    """A direct message as an argument."""

    func: Func
    sender: Id
    receiver: Id
    framework: Framework | None
    status: PsciStatus


FileArgument = Id | ObjectArgument | ErrorArgument | MessageArgument


class FileAction(_Struct, frozen=True):
    """An operation on a CPU, by the vCPU that executes there, with arguments; `text` says it in words."""

    operation: Annotated[str, Meta(extra_json_schema={"enum": list(KNOWN_OPERATIONS)})]
    cpu: Annotated[int, Meta(ge=0, lt=MAX_CPUS)]
    actor: ObjectName | None
    arguments: Annotated[tuple[FileArgument, ...], Meta(max_length=4)]
    text: Text


class FileChange(_Struct, frozen=True):
    """A field whose value the step changed."""

    object: ObjectName
    field: Text
    old: Text
    new: Text


class FileDelivery(_Struct, frozen=True):
    """What a vCPU will find in its registers when it next runs."""

    vcpu: ObjectName
    value: Text


class FilePassage(_Struct, frozen=True):
    """A function entered (no lines), or C lines passed (`src/api.c:1464`); `taken` says which way a condition went."""

    depth: Annotated[int, Meta(ge=1, le=100)]
    function: Text
    lines: Text | None
    taken: bool | None


class FileStep(_Struct, frozen=True):
    """One step: what was done, how it ended, what it showed and changed, the path it took.

    `reply` is what the caller finds in its registers, `next` the vCPU that runs next if the CPU switches.
    """

    action: FileAction
    after_window: Annotated[Text, Meta(description="The window the operation goes on from; empty if it starts.")]
    outcome: Outcome
    where: Annotated[Text, Meta(description="The failed check, or the window that was reached.")]
    reply: Text | None
    delivered: tuple[FileDelivery, ...]
    events: tuple[Text, ...]
    refused: Annotated[tuple[Text, ...], Meta(description="State transitions that were refused.")]
    next: ObjectName | None
    changes: tuple[FileChange, ...]
    path: tuple[FilePassage, ...]


class FileProperty(_Struct, frozen=True):
    """The property that the end of the trace violates, the objects it is about, and what makes it false."""

    id: Name
    title: Text
    text: Text
    objects: Annotated[tuple[ObjectName, ...], Meta(max_length=8)]
    violated_after: Annotated[int, Meta(ge=0, description="The number of the step after which it is violated.")]
    reasons: Annotated[tuple[Text, ...], Meta(description="The parts of the property that make it false.")]
    values: Annotated[tuple[Text, ...], Meta(description="What the property read.")]


class TraceFile(_Struct, frozen=True):
    """An execution from the initial state, and everything needed to run it again."""

    schema: Literal["hafnium-lifecycle-proofs/trace"]
    version: Literal[1]
    upstream_commit: Text
    topology: FileTopology
    variant: Annotated[dict[Text, Text], Meta(description="Variants of the model that differ from the default.")]
    assumptions: Annotated[dict[Text, bool], Meta(description="What the environment may do.")]
    assertions: Annotated[bool, Meta(description="Whether the C code is built with assertions.")]
    granularity: Annotated[
        Literal["handler", "section"], Meta(description="Whether CPUs interleave between operations or at windows.")
    ]
    property: FileProperty | None
    finding: Name | None
    initial: Annotated[dict[ObjectName, dict[Text, Text]], Meta(description="Every field of the initial state.")]
    steps: Annotated[tuple[FileStep, ...], Meta(max_length=10_000)]


def trace_file(trace: Trace) -> TraceFile:
    """A trace as its file holds it."""
    layout = trace.layout
    initial: dict[str, dict[str, str]] = {}
    for variable in layout.variables:
        initial.setdefault(object_text(variable.owner), {})[variable.field] = field_text(
            variable, trace.initial[variable.index]
        )
    return TraceFile(
        schema="hafnium-lifecycle-proofs/trace",
        version=1,
        upstream_commit=UPSTREAM_COMMIT,
        topology=msgspec.convert(msgspec.to_builtins(trace.topology), FileTopology),
        variant=trace.variants.chosen(),
        assumptions={field.name: getattr(trace.assume, field.name) for field in fields(Assumptions)},
        assertions=trace.assertions,
        granularity="section" if trace.granularity == "section" else "handler",
        property=_file_property(trace),
        finding=trace.finding or None,
        initial=initial,
        steps=tuple(file_step(step) for step in trace.steps),
    )


def _file_property(trace: Trace) -> FileProperty | None:
    if not trace.property_id:
        return None
    return FileProperty(
        id=trace.property_id,
        title=trace.title,
        text=trace.statement,
        objects=tuple(object_text(key) for key in trace.objects),
        violated_after=len(trace),
        reasons=trace.breach.reasons if trace.breach else (),
        values=tuple(str(read) for read in trace.breach.reads) if trace.breach else (),
    )


def file_step(step: TraceStep) -> FileStep:
    """A step as a trace file holds it."""
    return FileStep(
        action=_file_action(step.action),
        after_window=step.window,
        outcome=step.outcome,
        where=step.where,
        reply=None if step.reply is None else str(step.reply),
        delivered=tuple(FileDelivery(vcpu=object_text(key), value=str(value)) for key, value in step.delivered),
        events=step.events,
        refused=step.refused,
        next=None if step.next is None else object_text(step.next),
        changes=tuple(
            FileChange(object=object_text(c.object), field=c.field, old=c.old, new=c.new) for c in step.changes
        ),
        path=tuple(_file_passage(passage) for passage in step.path),
    )


def _file_passage(passage: Passage) -> FilePassage:
    lines = None if passage.location is None else str(passage.location)
    return FilePassage(depth=passage.depth, function=passage.function, lines=lines, taken=passage.taken)


def _file_action(action: Action) -> FileAction:
    return FileAction(
        operation=action.operation,
        cpu=action.cpu,
        actor=None if action.actor is None else object_text(action.actor),
        arguments=tuple(_file_argument(argument) for argument in action.arguments),
        text=str(action),
    )


def _file_argument(argument: Argument) -> FileArgument:
    match argument:
        case Key():
            return ObjectArgument(name=object_text(argument))
        case FfaError():
            return ErrorArgument(code=argument)
        case DirectMessage(func, sender, receiver, framework, status):
            return MessageArgument(func=func, sender=sender, receiver=receiver, framework=framework, status=status)
        case int():
            return argument
    raise TypeError(f"an argument that trace files cannot hold: {argument!r}")


def action_of(action: FileAction) -> Action:
    """The action that a trace file describes."""
    actor = None if action.actor is None else key_of(action.actor)
    return Action(action.operation, action.cpu, actor, tuple(_argument_of(item) for item in action.arguments))


def _argument_of(argument: FileArgument) -> Argument:
    match argument:
        case ObjectArgument():
            return key_of(argument.name)
        case ErrorArgument():
            return argument.code
        case MessageArgument():
            return DirectMessage(argument.func, argument.sender, argument.receiver, argument.framework, argument.status)
        case _:
            return argument


def key_of(name: str) -> Key:
    """The object of a name such as `vcpu 0x8001.0`.  Raises ValueError if it is not one."""
    kind, _, rest = name.partition(" ")
    first, dot, second = rest.partition(".")
    if kind not in ("vm", "vcpu", "cpu") or bool(dot) != (kind == "vcpu"):
        raise ValueError(name)
    return Key(kind, int(first, 10 if kind == "cpu" else 16), int(second or "0"))


def topology_of(contents: FileTopology) -> Topology:
    """The topology of a trace file.  Raises ValueError, naming what is wrong, for one that cannot be."""
    partitions = tuple(Partition(**msgspec.structs.asdict(p)) for p in contents.partitions)
    *loaded, other_world = partitions
    spmc = contents.world is World.SPMC
    if (other_world.kind, other_world.id, other_world.vcpu_count) != (
        PartitionKind.OTHER_WORLD,
        0x0 if spmc else 0x8000,
        contents.cpus,
    ):
        raise ValueError("topology: the last partition is not the other world, with a vCPU for each CPU")
    kinds = [PartitionKind.SP] * len(loaded)
    if not spmc:
        kinds = [PartitionKind.PRIMARY, *[PartitionKind.VM] * (len(loaded) - 1)]
    if not loaded or [p.kind for p in loaded] != kinds:
        raise ValueError(f"topology: these kinds of partitions do not make up a {contents.world.value} system")
    if len({p.id for p in partitions}) < len(partitions):
        raise ValueError("topology: a partition id is used twice")
    for p in loaded:
        if p.vcpu_count not in (1, contents.cpus) or (p.id > 0x8000) is not spmc:
            raise ValueError(f"topology: partition {p.id:#x} has an impossible id or number of vCPUs")
    return Topology(contents.name, contents.world, contents.cpus, partitions, contents.description)


def assumptions_of(contents: dict[str, bool]) -> Assumptions:
    """The assumptions of a trace file.  Raises ValueError if one is unknown or missing."""
    known = {field.name for field in fields(Assumptions)}
    for name in sorted(known ^ set(contents)):
        raise ValueError(f"assumptions: '{name}' is {'missing' if name in known else 'unknown'}")
    return Assumptions(**contents)


def encode(contents: TraceFile) -> bytes:
    """The bytes of a trace file."""
    return msgspec.json.format(msgspec.json.encode(contents), indent=1) + b"\n"


def read_trace_file(path: Path) -> TraceFile:
    """Read a trace file.  Raises TraceFileError for anything that does not follow the schema strictly."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise TraceFileError(f"{path}: cannot be read ({error.strerror}); name a trace file") from error
    if len(content) > LARGEST_FILE:
        raise TraceFileError(
            f"{path}: larger than {LARGEST_FILE // 1_000_000} MB, which no trace is; name a trace file"
        )
    try:
        return msgspec.json.decode(content, type=TraceFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TraceFileError(f"{path}: {_what_is_wrong(content, error)}") from error


def _what_is_wrong(content: bytes, error: Exception) -> str:
    """One sentence about bytes that are not a trace file of this version."""
    try:
        version: Any = msgspec.json.decode(content, type=dict[str, Any]).get("version")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"not a trace file, perhaps truncated ({error}); record it again"
    if version != 1:
        return "a trace file of another version than 1; record it again with this version"
    return f"not a trace file of this version ({error}); record it again"


def json_schema() -> bytes:
    """The JSON Schema of trace files, as docs/schemas/trace.schema.json holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lifecycle trace, version 1",
        **msgspec.json.schema(TraceFile),
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
