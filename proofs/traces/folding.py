"""The text of the operations under given variants: what a switch decides is decided, what remains is the C's."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache

from model.source import operations
from model.tracing import OPERATIONS_FOLDER
from model.variants import Variants

Names = Mapping[str, ast.expr]
"""What stands for a local variable or a parameter."""


class _NotAnExpression(Exception):
    """What a function returns cannot be told in one expression."""


def folded(value: ast.expr, variants: Variants, names: Names | None = None) -> ast.expr:
    """An expression without the switches it asks, and with model functions replaced by what they stand for.

    A constant is all that remains of an expression that asks switches only.  A free variant is left as it is.
    """
    result: ast.expr = _Folding(variants, names or {}, frozenset()).visit(deepcopy(value))
    return result


def model_names(function: ast.FunctionDef, variants: Variants, marked: frozenset[int]) -> Names:
    """The parameters and local variables of an operation that the C has not, and what stands for them.

    These are parameters that every call leaves at a value of the C, and variables that hold a switch's answer.
    """
    names: dict[str, ast.expr] = {
        parameter: default
        for parameter, default in _defaults(function).items()
        if isinstance(default, ast.Attribute) and (function.name, parameter) not in _given_parameters(variants)
    }
    assigned = Counter(name for node in ast.walk(function) for name in _assigned(node))
    for node in sorted(_statements(function), key=lambda node: node.lineno):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value) if assigned[name] == 1:
                kept = folded(value, variants, names)
                if marked.isdisjoint(range(node.lineno, (node.end_lineno or 0) + 1)) and not _alike(kept, value):
                    names[name] = kept
    return names


def asks_only(node: ast.stmt, variants: Variants, names: Names) -> bool:
    """Whether a statement, those inside it aside, calls functions for no other purpose than to ask switches."""
    match node:
        case ast.If(test=value) | ast.While(test=value) | ast.Expr(value=value) | ast.Assign(value=value):
            return not isinstance(value, ast.Constant) and isinstance(folded(value, variants, names), ast.Constant)
    return False


class _Folding(ast.NodeTransformer):
    """Folds an expression; `active` are the model functions that are being replaced."""

    def __init__(self, variants: Variants, names: Names, active: frozenset[str]):
        self._variants = variants
        self._names = names
        self._active = active

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return deepcopy(self._names.get(node.id, node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        match node:
            case ast.Call(
                func=ast.Attribute(ast.Name("m"), "chosen"), args=[ast.Constant(str(name)), ast.Constant(wanted), *when]
            ):
                if name in self._variants.free:
                    return node
                if self._variants[name] != wanted:
                    return ast.Constant(False)
                when += [keyword.value for keyword in node.keywords]
                return self._visited(_called(when[0])) if when else ast.Constant(True)
            case ast.Call(
                func=ast.Attribute(ast.Name("m"), "satisfies"),
                args=[owner, ast.Constant(str(field)), ast.Lambda(ast.arguments(args=[ast.arg(name)]), body)],
            ):
                value = ast.Attribute(self._visited(owner), field, ast.Load())
                return self._knowing({**self._names, name: value})._visited(body)
            case ast.Call(func=ast.Name("bool"), args=[value]):
                return self._visited(value)
            case ast.Call(func=ast.Name(name)) if name in model_functions() and name not in self._active:
                try:
                    return self._result(model_functions()[name], node)
                except _NotAnExpression:
                    pass
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in operations():
            _drop_defaults(node, all_functions()[node.func.id])
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        bound = {name for part in ast.walk(node) for name in _assigned(part)}
        names = {name: value for name, value in self._names.items() if name not in bound}
        return self._knowing(names).generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        neutral = isinstance(node.op, ast.And)
        kept: list[ast.expr] = []
        for value in map(self._visited, node.values):
            if isinstance(value, ast.Constant) and bool(value.value) is not neutral:
                return value
            if isinstance(value, ast.BoolOp) and type(value.op) is type(node.op):
                kept += value.values
            elif not isinstance(value, ast.Constant):
                kept.append(value)
        if not kept:
            return ast.Constant(neutral)
        return kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        operand = self._visited(node.operand)
        if isinstance(node.op, ast.Not) and isinstance(operand, ast.Constant):
            return ast.Constant(not operand.value)
        return ast.UnaryOp(node.op, operand)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test, body, orelse = map(self._visited, (node.test, node.body, node.orelse))
        return _conditional(test, body, orelse)

    def _knowing(self, names: Names) -> _Folding:
        return _Folding(self._variants, names, self._active)

    def _visited(self, node: ast.expr) -> ast.expr:
        result: ast.expr = self.visit(node)
        return result

    def _result(self, function: ast.FunctionDef, call: ast.Call) -> ast.expr:
        """What a call of a model function stands for.  Raises _NotAnExpression."""
        given = _defaults(function) | dict(_bound(function, call))
        names = {name: self._visited(value) for name, value in given.items()}
        return self._returned(function.body, names, self._active | {function.name})

    def _returned(self, body: Sequence[ast.stmt], names: Names, active: frozenset[str]) -> ast.expr:
        """What statements return, to their end: None if they do not."""

        def fold(value: ast.expr | None) -> ast.expr:
            folding = _Folding(self._variants, names, active)
            return ast.Constant(None) if value is None else folding._visited(deepcopy(value))

        for position, statement in enumerate(body):
            rest = body[position + 1 :]
            match statement:
                case ast.Return(value=value):
                    return fold(value)
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    names = {**names, name: fold(value)}
                case ast.If(test=condition, body=then, orelse=orelse):
                    test = fold(condition)
                    if isinstance(test, ast.Constant):
                        return self._returned([*(then if test.value else orelse), *rest], names, active)
                    ways = [self._returned([*way, *rest], names, active) for way in (then, orelse)]
                    return _conditional(test, *ways)
                case ast.While(test=condition) if _is_false(fold(condition)):
                    pass
                case ast.Expr(value=value) if isinstance(fold(value), ast.Constant):
                    pass
                case ast.Pass():
                    pass
                case _:
                    raise _NotAnExpression
        return ast.Constant(None)


@cache
def all_functions() -> dict[str, ast.FunctionDef]:
    """Every function of `model/operations`, by name."""
    found = {}
    for path in sorted(OPERATIONS_FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = node
    return found


@cache
def model_functions() -> dict[str, ast.FunctionDef]:
    """The functions of `model/operations` that stand for no function of the C, by name."""
    return {name: node for name, node in all_functions().items() if name not in operations()}


def _conditional(test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.expr:
    if isinstance(test, ast.Constant):
        return body if test.value else orelse
    return body if _alike(body, orelse) else ast.IfExp(test, body, orelse)


def _called(function: ast.expr) -> ast.expr:
    """What a call of a function without arguments evaluates: that of a lambda or a partial application, say."""
    match function:
        case ast.Lambda(body=body):
            return body
        case ast.Call(func=ast.Name("partial"), args=[partially, *arguments]):
            return ast.Call(partially, arguments, [])
    return ast.Call(function, [], [])


def _bound(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The parameters of a function, and the arguments that a call gives them."""
    yield from zip((parameter.arg for parameter in function.args.args), call.args, strict=False)
    yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg)


def _defaults(function: ast.FunctionDef) -> dict[str, ast.expr]:
    parameters = [parameter.arg for parameter in function.args.args]
    return dict(zip(reversed(parameters), reversed(function.args.defaults), strict=False))


def _drop_defaults(call: ast.Call, function: ast.FunctionDef) -> None:
    """Leave out the last arguments that are what the function takes without them."""
    parameters, defaults = function.args.args, _defaults(function)
    while call.args and not call.keywords:
        default = defaults.get(parameters[len(call.args) - 1].arg)
        if default is None or not _alike(call.args[-1], default):
            return
        call.args.pop()


@cache
def _given_parameters(variants: Variants) -> frozenset[tuple[str, str]]:
    """The functions and parameters to which a call that can happen passes something else than the default."""
    given = set()
    reached = list(operations())
    for name in reached:
        for call in _calls(all_functions()[name].body, variants):
            callee = all_functions().get(call.func.id) if isinstance(call.func, ast.Name) else None
            if callee is None:
                continue
            defaults = _defaults(callee)
            for parameter, value in _bound(callee, call):
                if parameter in defaults and not _alike(value, defaults[parameter]):
                    given.add((callee.name, parameter))
            if callee.name not in reached:
                reached.append(callee.name)
    return frozenset(given)


def _calls(body: Sequence[ast.AST], variants: Variants) -> Iterator[ast.Call]:
    """The calls of statements or their parts, without those that cannot happen under the variants."""
    for node in body:
        match node:
            case ast.expr():
                yield from (part for part in ast.walk(folded(node, variants)) if isinstance(part, ast.Call))
            case ast.If(test=condition, body=then, orelse=orelse):
                test = folded(condition, variants)
                dead = then if _is_false(test) else orelse if isinstance(test, ast.Constant) else []
                yield from _calls([part for part in (test, *then, *orelse) if part not in dead], variants)
            case _:
                yield from _calls(list(ast.iter_child_nodes(node)), variants)


def _statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    return (node for node in ast.walk(function) if isinstance(node, ast.stmt))


def _assigned(node: ast.AST) -> Iterator[str]:
    """The name that a node assigns to, if any."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value


def _alike(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)
