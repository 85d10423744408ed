"""From the text of a FHIRPath expression to its tree, within limits; what is wrong is refused.

The grammar is fhirpathpy's.  Where it departs from the standard's the tokens or the tree are put
right: ``@2015T`` is one literal, ``is`` and ``as`` bind closer than ``|`` and ``<`` (which the
compiler sees to), and a string may end in an escaped backslash.
Source: http://hl7.org/fhirpath/N1/grammar.html.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NoReturn

from antlr4 import (  # type: ignore[import-untyped]  # the parser's runtime has no types
    CommonTokenStream,
    InputStream,
)
from antlr4.error.ErrorListener import (  # type: ignore[import-untyped]  # as above
    ErrorListener,
)
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from hub.errors import TopicRefused

MAX_LENGTH = 2_000
MAX_TOKENS = 500
MAX_NESTING = 20
MAX_SIGNS = 5
EXPRESSION = "SubscriptionTopic.resourceTrigger.fhirPathCriteria"

_QUOTED = re.compile(r"//[^\n]*|/\*.*?\*/|`(?:\\.|[^`\\])*`|'(?:\\.|[^'\\])*'", re.DOTALL)
_BACKSLASH, _MASK = r"\\", "\ue000\ue001"
"""An escaped backslash, and what stands for it where the grammar would take its second sign for the
start of an escape.  As long as it, so that positions stay right."""

Tree = Any
"""A node of ANTLR's parse tree; the runtime has no types."""


class _Complaints(ErrorListener):  # type: ignore[misc]  # fhirpathpy's parser has no types
    def syntaxError(self, *complaint: Any) -> None:
        _, _, _, column, message, _ = complaint
        raise TopicRefused(
            f"fhirPathCriteria, position {column + 1}: {message[:200]}", expression=EXPRESSION
        )


@lru_cache(maxsize=8)
def parse(expression: str) -> Tree:
    """Return the tree of an expression; the releases that it is compiled for share it.

    Raises:
        TopicRefused: it is no FHIRPath or larger than the hub accepts.
    """
    if len(expression) > MAX_LENGTH:
        refuse(f"{len(expression)} characters; at most {MAX_LENGTH} are accepted")
    complaints = _Complaints()
    lexer = FHIRPathLexer(InputStream(_QUOTED.sub(_masked, expression)))
    lexer.removeErrorListeners()
    lexer.addErrorListener(complaints)
    stream = CommonTokenStream(lexer)
    stream.fill()
    if len(stream.tokens) > MAX_TOKENS:
        refuse(f"{len(stream.tokens)} words and signs; at most {MAX_TOKENS} are accepted")
    nesting = signs = 0
    for token in stream.tokens:
        signs = signs + 1 if token.text in ("+", "-") else 0
        if signs > MAX_SIGNS:
            refuse(f"more than {MAX_SIGNS} signs in a row", token)
        nesting += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if nesting > MAX_NESTING:
            refuse(f"nested deeper than {MAX_NESTING}", token)
    _join_dates(stream.tokens)
    parser = FHIRPathParser(stream)
    parser.removeErrorListeners()
    parser.addErrorListener(complaints)
    return parser.entireExpression().expression()  # type: ignore[no-untyped-call]  # as above


def _join_dates(tokens: list[Any]) -> None:
    """Make one token of a date and the ``T`` right behind it: a dateTime without a clock."""
    for at in range(len(tokens) - 2, -1, -1):
        first, second = tokens[at : at + 2]
        if (
            first.type == FHIRPathLexer.DATETIME
            and second.text == "T"
            and second.start == first.stop + 1
        ):
            first.stop = second.stop
            del tokens[at + 1]
    for index, token in enumerate(tokens):
        token.tokenIndex = index


def _masked(quoted: re.Match[str]) -> str:
    """Mask the escaped backslashes of a string; leave comments and names alone."""
    text = quoted[0]
    if text[0] != "'":
        return text
    return re.sub(r"\\(.)", lambda e: _MASK if e[1] == "\\" else e[0], text, flags=re.DOTALL)


def literal_of(tree: Tree) -> str:
    """Return a literal as it was written."""
    text: str = tree.getText()
    return text.replace(_MASK, _BACKSLASH)


def refuse(reason: str, token: Any = None) -> NoReturn:
    """Refuse an expression, with the position of ``token``."""
    position = "" if token is None else f", position {token.start + 1}"
    raise TopicRefused(f"fhirPathCriteria{position}: {reason}", expression=EXPRESSION)


def kind_of(tree: Tree) -> str:
    """Return the grammar's name of a node: ``MemberInvocation``."""
    return type(tree).__name__.removesuffix("Context")


def without_parentheses(tree: Tree) -> Tree:
    """Return what stands in parentheses, or the tree itself."""
    while kind_of(tree) in ("TermExpression", "ParenthesizedTerm", "InvocationTerm"):
        tree = tree.getChild(tree.getChildCount() // 2)
    return tree


def name_of(tree: Tree) -> str:
    """Return an identifier without its back quotes."""
    text: str = tree.getText()
    return text.strip("`")


def variable_of(tree: Tree) -> str:
    """Return the name of an external constant, without what marks it."""
    text: str = tree.getText()
    return text.removeprefix("%").strip("`'")


def step_of(tree: Tree) -> tuple[Tree, Tree]:
    """Return the last step of a path and what it is a step from, None if it is the first."""
    tree = without_parentheses(tree)
    if kind_of(tree) == "InvocationExpression":
        return tree.getChild(2), tree.getChild(0)
    return tree, None


def call_of(tree: Tree) -> tuple[str, list[Tree]]:
    """Return the name of a function that is called, and its arguments."""
    function = tree.functn()
    parameters = function.paramList()
    name: str = function.identifier().getText()
    return name, [] if parameters is None else list(parameters.expression())
