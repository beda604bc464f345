"""The small changes of a source file that its tests should notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPPOSITES: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}
OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FUNCTIONS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
QUIET: Final = {"debug", "info"}
"""Log records that nobody needs to see: their wording and their absence change nothing."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a file.

    Attributes:
        file: from the root, with slashes.
        line: where it begins, from 1.
        function: the qualified name of what contains it.
        old: the text that is replaced.
        new: the text that takes its place.
        start, end: where ``old`` is in the file, in characters.
        tests: tests that notice it in a process which they start.
    """

    file: str
    line: int
    function: str
    old: str
    new: str
    start: int
    end: int
    tests: tuple[str, ...] = ()

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) for text in (self.old, self.new))
        return f"{self.file}:{self.line} {self.function}: {old[:90]}  ->  {new[:90]}"

    def apply(self, source: str) -> str:
        """Return the file with the change.

        Raises:
            ValueError: the file has changed since.
        """
        if source[self.start : self.end] != self.old:
            raise ValueError(f"{self.file} has changed: {self.old!r} is not where it was.")
        return source[: self.start] + self.new + source[self.end :]


def changes_of(file: str, source: str) -> list[Change]:
    """Return the changes of a file, in its order."""
    return sorted(_Finder(file, source).find(), key=lambda change: (change.start, change.new))


class _Finder:
    def __init__(self, file: str, source: str) -> None:
        self._file = file
        self._source = source
        lines = source.splitlines(keepends=True)
        self._lines = lines
        self._starts = [0]
        for line in lines:
            self._starts.append(self._starts[-1] + len(line))

    def find(self) -> Iterator[Change]:
        yield from self._below(ast.parse(self._source), "")

    def _below(self, node: ast.AST, function: str, *, runs: bool = False) -> Iterator[Change]:
        for child in _parts(node):
            if _is_left_out(child):
                continue
            name, is_run = function, runs
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{function}.{child.name}" if function else child.name
                is_run = not isinstance(child, ast.ClassDef)
            elif runs:  # what a module or a class has beside functions declares, or tunes
                for old, new in _variants(child, in_init=function.endswith(".__init__")):
                    yield self._change(old, new, function)
            yield from self._below(child, name, runs=is_run)

    def _change(self, node: ast.expr | ast.stmt, new: str, function: str) -> Change:
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        old = self._source[start:end]
        return Change(self._file, node.lineno, function, old, new, start, end)

    def _offset(self, line: int, column: int) -> int:
        """``column`` is in bytes of UTF-8."""
        text = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(text)


def _is_left_out(node: ast.AST) -> bool:
    """Whether nothing below it is changed: types, docstrings, what is logged for the curious."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    if isinstance(node, ast.keyword):
        return node.arg == "strict"  # of ``zip``, for those who change the code
    if isinstance(node, ast.Expr):
        value = node.value
        if isinstance(value, ast.Constant):
            return True
        return isinstance(value, ast.Call) and getattr(value.func, "attr", "") in QUIET
    return isinstance(node, ast.arguments | ast.JoinedStr | ast.Import | ast.ImportFrom)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    # Not the types that they name.
    if isinstance(node, ast.AnnAssign):
        return iter([node.value] if node.value is not None else [])
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return iter(node.body)
    return ast.iter_child_nodes(node)


def _variants(node: ast.AST, *, in_init: bool) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Return what to replace, and by which text.

    An attribute that ``__init__`` does not set is an ``AttributeError``, which every test notices.
    """
    if isinstance(node, ast.Assign) and in_init:
        return
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.expr):
        yield from ((node, f"({text})") for text in _expressions(node))


def _statements(node: ast.stmt) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise():
            yield node, "pass"
        case ast.Delete() | ast.Break() | ast.Continue():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
        case ast.Return(value=ast.expr() as value):
            if not isinstance(value, ast.Constant) and not any(_expressions(value)):
                yield node, "return None"
        case ast.If(test=test) | ast.While(test=test) if not _has_variants(test):
            yield test, f"(not ({ast.unparse(test)}))"
        case _:
            pass


def _expressions(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right):
            others = {**COMPARISONS, **OPPOSITES} if _reads_clock(node) else COMPARISONS
            yield ast.unparse(ast.Compare(left, [others[type(op)]()], right))
        case ast.BoolOp(op=op, values=values):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield ast.unparse(ast.BoolOp(other, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield ast.unparse(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            if not _is_text(left) and not _is_text(right) and not _is_type(right):
                yield ast.unparse(ast.BinOp(left, OPERATORS[type(op)](), right))
        case ast.IfExp(test=test, body=body, orelse=orelse) if not _has_variants(test):
            yield ast.unparse(ast.IfExp(test, orelse, body))
        case ast.Constant(value=bool() as value):
            yield str(not value)
        case ast.Constant(value=int() | float() as value):
            yield repr(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            yield f"{FUNCTIONS[name]}{ast.unparse(node).removeprefix(name)}"
        case _:
            pass


def _reads_clock(node: ast.expr) -> bool:
    """Whether it looks at a clock, which never shows the very moment: ``<`` is as ``<=``."""
    return any(getattr(one, "attr", "") == "monotonic" for one in ast.walk(node))


def _has_variants(node: ast.expr) -> bool:
    """Whether a condition is negated by a variant of its own."""
    return isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)


def _is_type(node: ast.expr) -> bool:
    """Whether it is a class in a union: ``isinstance(error, OSError | ValueError)``."""
    return isinstance(node, ast.Name) and node.id[:1].isupper() and not node.id.isupper()


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )
