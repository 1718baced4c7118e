"""Watch expressions over the fields of a state, such as `vm 0x8001 state == ABORTING and cpu 0 is_on`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from model.variables import Key, Layout, Variable
from proofs.traces.values import field_text, object_text

State = tuple[int, ...]
Evaluate = Callable[[State], str]

TRUE, FALSE = "true", "false"
LONGEST = 500
"""Characters; a longer expression is refused."""

_TOKEN = re.compile(r"\s*(==|!=|[()]|[A-Za-z_][A-Za-z0-9_]*|0x[0-9A-Fa-f]+(?:\.\d+)?|\d+(?:\.\d+)?)")


class WatchError(ValueError):
    """An expression cannot be understood; the message is one sentence that names the fix."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A compiled expression: its text, and its value in a state."""

    text: str
    value: Evaluate


@dataclass(frozen=True, slots=True)
class _Operand:
    """A part of an expression: how to evaluate it, and the values it can have (None: it is a plain word)."""

    evaluate: Evaluate
    text: str
    values: frozenset[str] | None


def compile_watch(layout: Layout, text: str) -> Watch:
    """The expression over the fields of a layout.  Raises WatchError."""
    if len(text) > LONGEST:
        raise WatchError(f"a watch expression has at most {LONGEST} characters; shorten it")
    return Watch(text, _Parser(layout, text).parse())


class _Parser:
    """A recursive descent: or, and, not, comparison, operand."""

    def __init__(self, layout: Layout, text: str):
        self._layout = layout
        self._text = text
        self._tokens = self._split(text)
        self._position = 0

    def _split(self, text: str) -> list[str]:
        tokens, position = [], 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._error(f"'{text[position:].strip()[0]}' is not understood")
            tokens.append(match[1])
            position = match.end()
        return tokens

    def parse(self) -> Evaluate:
        """The whole expression."""
        operand = self._alternatives()
        if self._next():
            raise self._error(f"'{self._next()}' is one word too many")
        return self._known(operand).evaluate

    def _alternatives(self) -> _Operand:
        first = self._conjunction()
        while self._take("or"):
            first = self._joined(first, self._conjunction(), any)
        return first

    def _conjunction(self) -> _Operand:
        first = self._negation()
        while self._take("and"):
            first = self._joined(first, self._negation(), all)
        return first

    def _joined(self, first: _Operand, second: _Operand, join: Callable[[Iterable[bool]], bool]) -> _Operand:
        parts = [self._truth(first), self._truth(second)]
        return _boolean(lambda state: join(part(state) for part in parts))

    def _negation(self) -> _Operand:
        if self._take("not"):
            inner = self._truth(self._negation())
            return _boolean(lambda state: not inner(state))
        return self._comparison()

    def _comparison(self) -> _Operand:
        left = self._operand()
        equal = self._take("==")
        if not equal and not self._take("!="):
            return left
        right = self._operand()
        self._check_comparable(left, right)
        return _boolean(lambda state: (left.evaluate(state) == right.evaluate(state)) is equal)

    def _operand(self) -> _Operand:
        if self._take("("):
            inner = self._alternatives()
            if not self._take(")"):
                raise self._error("a closing parenthesis is missing")
            return inner
        word = self._advance()
        if word in ("vm", "vcpu", "cpu"):
            following = self._next()
            if following and following[0].isdigit():
                return self._object_or_field(word, self._advance())
        return _Operand(lambda state: word, word, None)

    def _object_or_field(self, kind: str, name: str) -> _Operand:
        """A field; or an object as a value, where no field name follows."""
        owner = self._owner(kind, name)
        following = self._next()
        if not following or not following[0].isalpha() or following in ("and", "or", "not"):
            text = object_text(owner)
            return _Operand(lambda state: text, text, None)
        field = self._advance()
        variable = self._layout.by_name.get((owner, field))
        if variable is None:
            known = [name for key, name in self._layout.by_name if key == owner]
            raise self._error(f"a {kind} has no field '{field}'", field, known)
        return _field(variable)

    def _owner(self, kind: str, name: str) -> Key:
        known = {object_text(v.owner): v.owner for v in self._layout.variables}
        first, _, second = name.partition(".")
        base = 10 if kind == "cpu" else 0
        try:
            wanted = object_text(Key(kind, int(first, base), int(second or "0")))
        except ValueError:
            wanted = f"{kind} {name}"
        if wanted not in known:
            candidates = [text for text in known if text.startswith(kind + " ")]
            raise self._error(f"there is no {wanted}", wanted, candidates)
        return known[wanted]

    def _check_comparable(self, left: _Operand, right: _Operand) -> None:
        for word, other in ((left, right), (right, left)):
            if word.values is None:
                values = self._known(other).values or frozenset()
                if word.text not in values:
                    raise self._error(f"it is never '{word.text}'", word.text, sorted(values))

    def _known(self, operand: _Operand) -> _Operand:
        if operand.values is None:
            raise self._error(f"'{operand.text}' is not a field; write for example 'vcpu 0x8001.0 state'")
        return operand

    def _truth(self, operand: _Operand) -> Callable[[State], bool]:
        if not (self._known(operand).values or frozenset()) <= {TRUE, FALSE}:
            raise self._error(f"'{operand.text}' is neither true nor false; compare it with == or !=")
        return lambda state: operand.evaluate(state) == TRUE

    def _next(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _advance(self) -> str:
        word = self._next()
        if not word:
            raise self._error("it ends too early")
        self._position += 1
        return word

    def _take(self, word: str) -> bool:
        if self._next() != word:
            return False
        self._position += 1
        return True

    def _error(self, what: str, wrong: str = "", known: list[str] | None = None) -> WatchError:
        close = get_close_matches(wrong, known or [], n=1, cutoff=0.4)
        hint = f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}" if known else ""
        return WatchError(f"watch expression '{self._text}': {what}{hint}")


def _field(variable: Variable) -> _Operand:
    texts = tuple(field_text(variable, position) for position in range(len(variable.domain)))
    index = variable.index
    return _Operand(lambda state: texts[state[index]], str(variable), frozenset(texts))


def _boolean(evaluate: Callable[[State], bool]) -> _Operand:
    return _Operand(lambda state: TRUE if evaluate(state) else FALSE, "(…)", frozenset({TRUE, FALSE}))
