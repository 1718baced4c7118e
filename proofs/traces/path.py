"""The path of a step: which functions of the model it enters, which C lines it passes, and which way conditions go."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from model.machine import Handle
from model.source import Location, marks_by_line, operations
from model.tracing import OPERATIONS_FOLDER, own_lines
from model.variants import Variants
from proofs.traces.folding import asks_only, folded, model_names
from proofs.traces.values import object_text, value_text

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Passage:
    """A function entered, or C lines passed; of a condition, which way it went and the values that decided it.

    `depth` is the number of functions that are active, `code` the statement in the model's words.
    """

    depth: int
    function: str
    file: str
    location: Location | None = None
    code: str = ""
    taken: bool | None = None
    values: tuple[str, ...] = ()

    @property
    def is_decision(self) -> bool:
        """Whether this is a condition whose way is known."""
        return self.taken is not None

    @property
    def is_check(self) -> bool:
        """Whether this is a CHECK or an assert."""
        return self.code.startswith(("CHECK(", "assert("))


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the model without those it contains; `body` is what is executed if `test` is true."""

    lines: range
    location: Location
    code: str
    test: ast.expr | None = None
    body: range = range(0)
    is_case: bool = False
    is_check: bool = False


@dataclass(slots=True)
class _Activation:
    """A function that is being executed: its last statement, and the position of its open condition."""

    depth: int
    function: str
    file: str
    last: Statement | None = None
    open: int | None = None


@dataclass(slots=True)
class _Walk:
    """What was passed so far; a case that was not taken is None."""

    depth: int = 0
    passages: list[Passage | None] = field(default_factory=list)

    def enter(self, function: str) -> _Activation:
        self.depth += 1
        activation = _Activation(self.depth, function, operations()[function].file)
        self.passages.append(Passage(self.depth, function, activation.file))
        return activation

    def line(self, activation: _Activation, statements: dict[int, Statement], frame: FrameType) -> None:
        statement = statements.get(frame.f_lineno)
        if statement is activation.last and statement is not None:
            return
        self.decide(activation, frame.f_lineno)
        activation.last = statement
        if statement is not None:
            if statement.test is not None:
                activation.open = len(self.passages)
            values = () if statement.test is None else tuple(_values(statement.test, frame))
            self.passages.append(
                Passage(
                    self.depth, activation.function, activation.file, statement.location, statement.code, values=values
                )
            )

    def decide(self, activation: _Activation, line: int | None, failed: bool = False) -> None:
        """The open condition turns out by the line that follows; a check by whether it failed."""
        position, statement = activation.open, activation.last
        if position is None or statement is None:
            return
        activation.open = None
        taken = not failed if statement.is_check else line in statement.body
        passage = self.passages[position]
        if passage is not None and (taken or not statement.is_case):
            self.passages[position] = Passage(
                passage.depth,
                passage.function,
                passage.file,
                passage.location,
                passage.code,
                taken,
                passage.values,
            )
        else:
            self.passages[position] = None


def decisions(path: Iterable[Passage], all_checks: bool = True) -> Iterator[Passage]:
    """The conditions met on a path, and the functions in which they were; checks that hold only if so wanted."""
    entered: list[Passage] = []
    for passage in path:
        if passage.location is None:
            entered = [*(function for function in entered if function.depth < passage.depth), passage]
        elif passage.is_decision and (all_checks or not (passage.is_check and passage.taken)):
            yield from (function for function in entered if function.depth <= passage.depth)
            entered = []
            yield passage


def walk(run: Callable[[], R], variants: Variants, skip: int = 0) -> tuple[R, tuple[Passage, ...], int]:
    """The result of a run of operations, the path it took without the first `skip` events, and how many there were.

    The path is that of the C: what an operation does only to ask which alternative of a variant is chosen, and the
    model's own functions, are no part of it.
    """
    walked = _Walk()
    asking: FrameType | None = None

    def on_call(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any] | None:
        nonlocal asking
        text = file_text(frame.f_code.co_filename, variants)
        if text is None or asking is not None or frame.f_code.co_name.startswith("<"):
            return None
        if _is_called_to_ask(frame, variants):
            asking = frame
            return on_asking_event
        if frame.f_code.co_name not in operations():
            return None
        activation = walked.enter(frame.f_code.co_name)

        def on_event(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any]:
            if event == "line":
                walked.line(activation, text.statements, frame)
            elif event == "exception":
                if activation.last is not None and activation.last.is_check:
                    walked.decide(activation, None, failed=True)
                activation.open = None
            elif event == "return":
                walked.decide(activation, None)
                walked.depth -= 1
            return on_event

        return on_event

    def on_asking_event(frame: FrameType, event: str, argument: Any) -> Callable[[FrameType, str, Any], Any]:
        nonlocal asking
        if event == "return":
            asking = None
        return on_asking_event

    outer = sys.gettrace()
    sys.settrace(on_call)
    try:
        result = run()
    finally:
        sys.settrace(outer)
    passages = tuple(passage for passage in walked.passages[skip:] if passage is not None)
    return result, passages, len(walked.passages)


def _is_called_to_ask(frame: FrameType, variants: Variants) -> bool:
    """Whether a function was called by a statement that only asks variants."""
    caller = frame.f_back
    text = None if caller is None else file_text(caller.f_code.co_filename, variants)
    return caller is not None and text is not None and caller.f_lineno in text.asking


@dataclass(frozen=True, slots=True)
class FileText:
    """What of a file stands for C lines, by Python line, and the lines that only ask variants."""

    statements: dict[int, Statement]
    asking: frozenset[int]


@cache
def file_text(filename: str, variants: Variants) -> FileText | None:
    """The text of a file of `model/operations` under given variants; None for other files."""
    path = Path(filename).resolve()
    if path.parent != OPERATIONS_FOLDER:
        return None
    marks = {line: location for (file, line), location in marks_by_line().items() if file == str(path)}
    statements: dict[int, Statement] = {}
    asking: set[int] = set()
    for function in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        names = model_names(function, variants, frozenset(marks))
        for node in ast.walk(function):
            if isinstance(node, ast.stmt) and asks_only(node, variants, names):
                asking.update(own_lines(node))
            for lines, code, test, body in _parts(node, partial(folded, variants=variants, names=names)):
                marked = [marks[line] for line in lines if line in marks]
                if marked:
                    place = Location(marked[0].file, min(m.first for m in marked), max(m.last for m in marked))
                    statement = Statement(
                        lines, place, c_words(code), test, body, code.startswith("case "), isinstance(node, ast.Expr)
                    )
                    statements.update(dict.fromkeys(lines, statement))
    return FileText(statements, frozenset(asking))


def _parts(node: ast.AST, fold: Callable[[ast.expr], ast.expr]) -> Iterator[tuple[range, str, ast.expr | None, range]]:
    """The lines, code, condition and body of a statement; those of each case of a `match`.

    A condition of which nothing remains when it is folded is none.
    """
    match node:
        case ast.If() | ast.While():
            body = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
            test = fold(node.test)
            if not isinstance(test, ast.Constant):
                yield own_lines(node), f"if ({ast.unparse(test)})", test, body
        case ast.Match():
            for case in node.cases:
                body = range(case.body[0].lineno, (case.body[-1].end_lineno or 0) + 1)
                subject = fold(node.subject)
                yield range(case.pattern.lineno, body.start), f"case {ast.unparse(case.pattern)}:", subject, body
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="check" | "assert_" as name), args=[condition, *_])):
            test = fold(condition)
            if not isinstance(test, ast.Constant):
                yield (
                    own_lines(node),
                    f"{'CHECK' if name == 'check' else 'assert'}({ast.unparse(test)})",
                    test,
                    range(0),
                )
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr() | ast.Return():
            shown = copy(node)
            if node.value is not None:
                shown.value = fold(node.value)
            yield own_lines(node), ast.unparse(ast.fix_missing_locations(shown)), None, range(0)


_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bm\.labels\.refused\.append.*", "dlog_error(...)"),
        (r"\bbool\(([^()]*)\)", r"\1"),
        (r"^case _:", "default:"),
        (r"\ball\(\((.*) for (\w+) in (.*)\)\)", r"for every \2 of \3: \1"),
        (r"\bis not None\b", "!= NULL"),
        (r"\bis None\b", "== NULL"),
        (r"\bis not\b", "!="),
        (r"\bis\b", "=="),
        (r"\bnot in\b", "not among"),
        (r"\bin\b", "among"),
        (r"\bnot (?!among)", "!"),
        (r"\band\b", "&&"),
        (r"\bor\b", "||"),
        (r"\bNone\b", "NULL"),
        (r"\bTrue\b", "true"),
        (r"\bFalse\b", "false"),
        (r"\bVcpuState\.", "VCPU_STATE_"),
        (r"\bVmState\.", "VM_STATE_"),
        (r"\bRuntimeModel\.", "RTM_"),
        (r"\b(SchedulingMode|FfaError|Func|PowerOperation|PriorityMask|InterruptAction|PsciStatus|Outcome)\.", ""),
        (r"\(m, ", "("),
        (r"\(m\)", "()"),
        (r"\bm\.", ""),
        (r"\*(?=[A-Z])", ""),
        (r"(?<=[\w)\]])\.(?=[a-z_])", "->"),
    )
)


def c_words(code: str) -> str:
    """A statement of the model as the C code would put it, roughly."""
    for pattern, words in _WORDS:
        code = pattern.sub(words, code)
    return code


def _values(test: ast.expr, frame: FrameType) -> Iterator[str]:
    """The values of the variables and fields that a condition names, without asking the machine for them."""
    seen: set[str] = set()
    inner = {node.value for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    called = {node.func for node in ast.walk(test) if isinstance(node, ast.Call)}
    for node in ast.walk(test):
        if not isinstance(node, ast.Attribute | ast.Name) or node in inner or node in called:
            continue
        name = ast.unparse(node)
        value = _value(node, frame)
        if value is not None and name not in seen:
            seen.add(name)
            yield f"{c_words(name)} = {value}"


def _value(node: ast.expr, frame: FrameType) -> str | None:
    """The value of a local variable, or of a field reached from one; None for anything else."""
    try:
        return _shown(_reach(node, frame.f_locals))
    except (KeyError, AttributeError):
        return None


def _reach(node: ast.expr, local_values: Any) -> Any:
    if isinstance(node, ast.Name):
        return local_values[node.id]
    if not isinstance(node, ast.Attribute):
        raise KeyError(node)
    owner = _reach(node.value, local_values)
    if not isinstance(owner, Handle) or node.attr not in owner.slots:
        return getattr(owner, node.attr)
    machine: Any = owner.machine
    variable = machine.layout.variables[owner.slots[node.attr]]
    value = variable.domain[machine.state[variable.index]]
    return machine.handles.get(value, value)


def _shown(value: Any) -> str | None:
    if isinstance(value, Handle):
        return object_text(value.key)
    return value_text(value)
