"""FHIRPath criteria of topics: checked when loaded, compiled once, evaluated within a budget.

``fhirpathpy`` parses and knows the choice elements of each release.  The evaluation is the hub's
own, because a trigger must compare whole collections, end in bounded time whatever the resource
holds, and depend on nothing but the change and what the hub holds at that moment.  Only
``%previous`` and ``%current`` are bound (and ``%resource``, ``%context``: the current state).

Extensions of primitive elements are not looked at: an element with nothing but an extension is
empty.
Source: http://hl7.org/fhirpath/N1/; http://hl7.org/fhir/R5/subscriptiontopic.html
("FHIRPath Criteria").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from antlr4 import (  # type: ignore[import-untyped]  # the parser's runtime has no types
    CommonTokenStream,
    InputStream,
)
from antlr4.error.ErrorListener import (  # type: ignore[import-untyped]  # as above
    ErrorListener,
)
from fhirpathpy.models import models
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

from hub.core import fhirpath_operator as operators
from hub.core.fhirpath_function import FUNCTIONS, OF_TYPE, member_of, why_not
from hub.core.fhirpath_operator import FhirPathFailure, Node, Run
from hub.core.fhirpath_value import equal, equivalent, less
from hub.core.release import FhirRelease, Resource
from hub.core.search_criterion import NOWHERE, Resolver
from hub.core.value_set import NO_VALUE_SETS, NotExpandable, ValueSets
from hub.errors import TopicRefused

MAX_LENGTH = 2_000
MAX_TOKENS = 500
MAX_DEPTH = 60
MAX_NESTING = 20
EXPRESSION = "SubscriptionTopic.resourceTrigger.fhirPathCriteria"

_VARIABLES = ("previous", "current", "resource", "context")
_MODELS = {FhirRelease.R4: "r4", FhirRelease.R4B: "r4", FhirRelease.R5: "r5"}


def _choices(model: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for path, types in models[model]["choiceTypePaths"].items():
        found.setdefault(path.rpartition(".")[2], {}).update(dict.fromkeys(types))
    return {name: tuple(f"{name}{type_}" for type_ in types) for name, types in found.items()}


_CHOICES = {release: _choices(model) for release, model in _MODELS.items()}


@dataclass(frozen=True, slots=True)
class FhirPathError:
    """An evaluation that gave no answer, and why; it counts as "does not fire"."""

    reason: str


class FhirPathCriteria:
    """A compiled expression; calling it tells whether it is exactly true."""

    __slots__ = ("_base_url", "_node", "expression")

    def __init__(self, expression: str, node: Node, base_url: str) -> None:
        self.expression = expression
        self._node = node
        self._base_url = base_url

    def __call__(self, previous: Resource | None, current: Resource | None) -> bool:
        """Tell whether the expression is true; empty, anything else and errors are false."""
        return self.evaluate(previous, current) is True

    def evaluate(
        self,
        previous: Resource | None,
        current: Resource | None,
        resolver: Resolver = NOWHERE,
    ) -> bool | FhirPathError:
        """Return the answer, or why there is none; ``resolve()`` reads from ``resolver``."""
        run = Run(previous, current, resolver, self._base_url)
        try:
            result = self._node(run, run.current)
        except FhirPathFailure as failure:
            return FhirPathError(str(failure))
        return len(result) == 1 and result[0] is True


def compile_fhirpath(
    expression: str,
    release: FhirRelease,
    base_url: str = "",
    value_sets: ValueSets = NO_VALUE_SETS,
) -> FhirPathCriteria:
    """Check and compile an expression; references below ``base_url`` are the hub's own.

    ``value_sets`` are those that ``memberOf()`` may name.

    Raises:
        TopicRefused: it is no FHIRPath, uses something that the hub does not evaluate, or is larger
            than the hub accepts; the message gives the position.
    """
    if len(expression) > MAX_LENGTH:
        _refuse(f"{len(expression)} characters; at most {MAX_LENGTH} are accepted")
    tree = _parse(expression)
    return FhirPathCriteria(expression, _Compiler(release, value_sets).node(tree, 0), base_url)


class _Complaints(ErrorListener):  # type: ignore[misc]  # fhirpathpy's parser has no types
    def syntaxError(self, *complaint: Any) -> None:
        _, _, _, column, message, _ = complaint
        raise TopicRefused(
            f"fhirPathCriteria, position {column + 1}: {message[:200]}", expression=EXPRESSION
        )


def _parse(expression: str) -> Any:
    complaints = _Complaints()
    lexer = FHIRPathLexer(InputStream(expression))
    lexer.removeErrorListeners()
    lexer.addErrorListener(complaints)
    stream = CommonTokenStream(lexer)
    stream.fill()
    if len(stream.tokens) > MAX_TOKENS:
        _refuse(f"{len(stream.tokens)} words and signs; at most {MAX_TOKENS} are accepted")
    nesting = 0
    for token in stream.tokens:
        nesting += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if nesting > MAX_NESTING:
            _refuse(f"nested deeper than {MAX_NESTING}", token)
    parser = FHIRPathParser(stream)
    parser.removeErrorListeners()
    parser.addErrorListener(complaints)
    return parser.entireExpression()  # type: ignore[no-untyped-call]  # as above


def _refuse(reason: str, token: Any = None) -> NoReturn:
    position = "" if token is None else f", position {token.start + 1}"
    raise TopicRefused(f"fhirPathCriteria{position}: {reason}", expression=EXPRESSION)


def _without_parentheses(tree: Any) -> Any:
    while type(tree).__name__ in ("TermExpressionContext", "ParenthesizedTermContext"):
        tree = tree.getChild(tree.getChildCount() // 2)
    return tree


class _Compiler:
    """Turns the parse tree into nested operators."""

    def __init__(self, release: FhirRelease, value_sets: ValueSets) -> None:
        self.choices = _CHOICES[release]
        self.value_sets = value_sets

    def node(self, tree: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            _refuse(f"deeper than {MAX_DEPTH} steps", tree.start)
        kind = type(tree).__name__.removesuffix("Context")
        compile_ = getattr(self, f"_{kind}", None)
        if compile_ is None:
            _refuse(f"the hub does not evaluate {tree.getText()[:60]!r}", tree.start)
        node: Node = compile_(tree, depth + 1)
        return node

    def _only(self, tree: Any, depth: int) -> Node:
        return self.node(tree.getChild(0), depth)

    _TermExpression = _LiteralTerm = _InvocationTerm = _only

    def _EntireExpression(self, tree: Any, depth: int) -> Node:
        return self._condition(tree.getChild(0), depth)

    def _condition(self, tree: Any, depth: int) -> Node:
        """Compile what must be true or false; ``a | b`` is written by mistake for ``a or b``."""
        inner = _without_parentheses(tree)
        if type(inner).__name__ == "UnionExpressionContext":
            _refuse("a union (|) of conditions can have two values; write 'or'", inner.start)
        return self.node(tree, depth)

    def _ParenthesizedTerm(self, tree: Any, depth: int) -> Node:
        return self.node(tree.getChild(1), depth)

    def _ExternalConstantTerm(self, tree: Any, depth: int) -> Node:
        name = tree.getText().removeprefix("%").strip("`'")
        if name == "previous":
            return lambda run, this: run.previous
        if name in _VARIABLES:
            return lambda run, this: run.current
        return _refuse(f"%{name} is not bound; use %previous and %current", tree.start)

    def _NullLiteral(self, tree: Any, depth: int) -> Node:
        return operators.Constant([])

    def _BooleanLiteral(self, tree: Any, depth: int) -> Node:
        return operators.Constant([tree.getText() == "true"])

    def _NumberLiteral(self, tree: Any, depth: int) -> Node:
        return operators.Constant([operators.number(tree.getText())])

    def _StringLiteral(self, tree: Any, depth: int) -> Node:
        return operators.Constant([operators.unquote(tree.getText())])

    def _DateTimeLiteral(self, tree: Any, depth: int) -> Node:
        return operators.Constant([tree.getText().removeprefix("@")])

    def _ThisInvocation(self, tree: Any, depth: int) -> Node:
        return lambda run, this: this

    def _MemberInvocation(self, tree: Any, depth: int) -> Node:
        return operators.member(tree.getText().strip("`"), self.choices)

    def _InvocationExpression(self, tree: Any, depth: int) -> Node:
        owner, step = tree.getChild(0), tree.getChild(2)
        if type(step).__name__ == "FunctionInvocationContext":
            return self._call(step, self.node(owner, depth), depth, owner)
        return operators.then(self.node(owner, depth), self.node(step, depth))

    def _FunctionInvocation(self, tree: Any, depth: int) -> Node:
        return self._call(tree, lambda run, this: this, depth, None)

    def _IndexerExpression(self, tree: Any, depth: int) -> Node:
        return operators.at(self.node(tree.getChild(0), depth), self.node(tree.getChild(2), depth))

    def _call(self, tree: Any, owner: Node, depth: int, owner_tree: Any) -> Node:
        function = tree.functn()
        name = function.identifier().getText()
        parameters = function.paramList()
        arguments = [] if parameters is None else list(parameters.expression())
        if name in OF_TYPE and len(arguments) == 1:
            return self._as_type((owner_tree, owner, depth), name, arguments[0])
        if name == "memberOf" and len(arguments) == 1:
            return self._member_of(owner, arguments[0], depth)
        make = FUNCTIONS.get((name, len(arguments)))
        if make is None:
            _refuse(why_not(name, len(arguments)), tree.start)
        return make(owner, *(self.node(argument, depth) for argument in arguments))

    def _member_of(self, owner: Node, argument: Any, depth: int) -> Node:
        named = self.node(argument, depth)
        url = named.values[0] if isinstance(named, operators.Constant) and named.values else None
        if not isinstance(url, str):
            _refuse("memberOf() takes the canonical of a ValueSet in quotes", argument.start)
        try:
            return member_of(owner, self.value_sets.expand(url))
        except NotExpandable as error:
            return _refuse(f"memberOf(): {error}", argument.start)

    def _TypeExpression(self, tree: Any, depth: int) -> Node:
        owner, operator, type_ = (tree.getChild(i) for i in range(3))
        return self._as_type((owner, self.node(owner, depth), depth), operator.getText(), type_)

    def _as_type(self, of: tuple[Any, Node, int], operator: str, tree: Any) -> Node:
        """Types are known of choice elements (``value as Quantity``) and of resources."""
        owner_tree, owner, depth = of
        name = tree.getText().replace("`", "").removeprefix("FHIR.").removeprefix("System.")
        element, parents = self._last_member(owner_tree)
        if element in self.choices:
            concrete = element + name[:1].upper() + name[1:]
            if concrete not in self.choices[element]:
                _refuse(f"{element} is never of type {name}", tree.start)
            path = operators.member(concrete, {})
            typed = path if parents is None else operators.then(self.node(parents, depth), path)
            return typed if operator != "is" else operators.is_typed(owner, typed)
        if not name[:1].isupper():
            _refuse(f"only a choice element or a resource can be tested for {name}", tree.start)
        return operators.of_resource_type(owner, name, testing=operator == "is")

    def _last_member(self, tree: Any) -> tuple[str, Any]:
        """Return the last element name of a path and the tree of what it is part of."""
        tree = _without_parentheses(tree)
        kind = type(tree).__name__
        if kind == "InvocationExpressionContext":
            step = tree.getChild(2)
            if type(step).__name__ == "MemberInvocationContext":
                return step.getText().strip("`"), tree.getChild(0)
        if kind == "InvocationTermContext":
            return tree.getText().strip("`"), None
        return "", None

    def _binary(self, tree: Any, depth: int) -> tuple[Node, str, Node]:
        return (
            self.node(tree.getChild(0), depth),
            tree.getChild(1).getText(),
            self.node(tree.getChild(2), depth),
        )

    def _EqualityExpression(self, tree: Any, depth: int) -> Node:
        left, operator, right = self._binary(tree, depth)
        test = equal if operator in ("=", "!=") else equivalent
        return operators.compare(left, right, test, negated=operator.startswith("!"))

    def _InequalityExpression(self, tree: Any, depth: int) -> Node:
        left, operator, right = self._binary(tree, depth)
        if operator in (">", "<="):
            left, right = right, left
        return operators.order(left, right, less, negated=operator in ("<=", ">="))

    def _MembershipExpression(self, tree: Any, depth: int) -> Node:
        left, operator, right = self._binary(tree, depth)
        return operators.among(left, right) if operator == "in" else operators.among(right, left)

    def _UnionExpression(self, tree: Any, depth: int) -> Node:
        left, _, right = self._binary(tree, depth)
        return operators.union(left, right)

    def _logic(self, tree: Any, depth: int) -> Node:
        left, right = (self._condition(tree.getChild(side), depth) for side in (0, 2))
        return operators.LOGIC[tree.getChild(1).getText()](left, right)

    _AndExpression = _OrExpression = _ImpliesExpression = _logic

    def _AdditiveExpression(self, tree: Any, depth: int) -> Node:
        left, operator, right = self._binary(tree, depth)
        if operator != "&":
            _refuse(f"the hub does not calculate ({operator})", tree.start)
        return operators.join(left, right)

    def _PolarityExpression(self, tree: Any, depth: int) -> Node:
        literal = tree.getText()
        if not literal[1:].replace(".", "", 1).isdigit():
            _refuse("a sign is only read before a number", tree.start)
        return operators.Constant([operators.number(literal)])
