"""Turns the tree of a FHIRPath expression into nested nodes; what the hub doesn't offer is refused.

Source: http://hl7.org/fhirpath/N1/.
"""

from __future__ import annotations

from decimal import Decimal

from hub.core import fhirpath_operator as operators
from hub.core import fhirpath_path as paths
from hub.core.fhirpath_call import COMPILED, Call, as_type, why_not
from hub.core.fhirpath_function import FUNCTIONS, OF_EACH
from hub.core.fhirpath_moment import Moment, date_or_time, time_of_day
from hub.core.fhirpath_number import Number
from hub.core.fhirpath_operator import OPERATIONS
from hub.core.fhirpath_origin import origin_of
from hub.core.fhirpath_parser import (
    Tree,
    call_of,
    kind_of,
    literal_of,
    name_of,
    refuse,
    step_of,
    variable_of,
    without_parentheses,
)
from hub.core.fhirpath_quantity import UCUM, quantity
from hub.core.fhirpath_run import Constant, Node
from hub.core.fhirpath_text import unquote
from hub.core.fhirpath_type import FhirTypes, Origin
from hub.core.value_set import ValueSets

MAX_DEPTH = 60
_VARIABLES = frozenset(("current", "resource", "context", "rootResource"))
_CONSTANTS = {"ucum": UCUM, "sct": "http://snomed.info/sct", "loinc": "http://loinc.org"}
_CONSTANT_ROOTS = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}


class Compiler:
    """Compiles one expression.

    ``focus`` is the origin of ``$this`` where the compiler is, ``variables`` what
    ``defineVariable()`` has set there, by name: its slot in the run and its origin.
    """

    def __init__(self, types: FhirTypes, value_sets: ValueSets) -> None:
        self.types = types
        self.value_sets = value_sets
        self.focus: Origin = ()
        self.variables: dict[str, tuple[int, Origin]] = {}
        self.slots = 0

    def node(self, tree: Tree, depth: int = 0) -> Node:
        """Compile a tree.

        Raises:
            TopicRefused: it holds what the hub doesn't evaluate.
        """
        if depth > MAX_DEPTH:
            refuse(f"deeper than {MAX_DEPTH} steps", tree.start)
        node: Node = getattr(self, f"_{kind_of(tree)}")(tree, depth + 1)
        return node

    def condition(self, tree: Tree, depth: int = 0) -> Node:
        """Compile what must be true or false; ``a | b`` is written by mistake for ``a or b``.

        Raises:
            TopicRefused: it is a union, or holds what the hub doesn't evaluate.
        """
        inner = without_parentheses(tree)
        if kind_of(inner) == "UnionExpression":
            refuse("a union (|) of conditions can have two values; write 'or'", inner.start)
        return self.argument(tree, depth)

    def origin(self, tree: Tree | None) -> Origin:
        """Return where the values of a tree come from."""
        return origin_of(tree, self.focus, {name: of for name, (_, of) in self.variables.items()})

    def _only(self, tree: Tree, depth: int) -> Node:
        return self.node(tree.getChild(0), depth)

    _TermExpression = _LiteralTerm = _InvocationTerm = _only

    def _ParenthesizedTerm(self, tree: Tree, depth: int) -> Node:
        return self.argument(tree.getChild(1), depth)

    def _ExternalConstantTerm(self, tree: Tree, depth: int) -> Node:
        name = variable_of(tree)
        if name == "previous":
            return lambda run, this: run.previous
        if name in _VARIABLES:
            return lambda run, this: run.current
        if name in self.variables:
            slot, _ = self.variables[name]
            return lambda run, this: run.variables[slot]
        if name in _CONSTANTS:
            return Constant([_CONSTANTS[name]])
        for prefix, root in _CONSTANT_ROOTS.items():
            if name.startswith(prefix):
                return Constant([root + name.removeprefix(prefix)])
        return refuse(f"%{name} is not bound; use %previous and %current", tree.start)

    def _NullLiteral(self, tree: Tree, depth: int) -> Node:
        return Constant([])

    def _BooleanLiteral(self, tree: Tree, depth: int) -> Node:
        return Constant([tree.getText() == "true"])

    def _NumberLiteral(self, tree: Tree, depth: int) -> Node:
        return Constant([_number(tree.getText())])

    def _StringLiteral(self, tree: Tree, depth: int) -> Node:
        return Constant([unquote(literal_of(tree))])

    def _DateTimeLiteral(self, tree: Tree, depth: int) -> Node:
        return self._moment(tree, date_or_time(tree.getText()[1:]))

    def _TimeLiteral(self, tree: Tree, depth: int) -> Node:
        return self._moment(tree, time_of_day(tree.getText()[2:]))

    def _moment(self, tree: Tree, moment: Moment | None) -> Node:
        if moment is None:
            refuse(f"there is no date or time {tree.getText()}", tree.start)
        return Constant([moment])

    def _QuantityLiteral(self, tree: Tree, depth: int) -> Node:
        value, unit = tree.quantity().NUMBER().getText(), literal_of(tree.quantity().unit())
        return Constant([quantity(_number(value), unquote(unit) if unit[0] == "'" else unit)])

    def _ThisInvocation(self, tree: Tree, depth: int) -> Node:
        return paths.itself

    def _IndexInvocation(self, tree: Tree, depth: int) -> Node:
        return lambda run, this: [run.index]

    def _TotalInvocation(self, tree: Tree, depth: int) -> Node:
        return lambda run, this: run.total

    def _MemberInvocation(self, tree: Tree, depth: int) -> Node:
        return paths.member(name_of(tree), self.types.choices)

    def _InvocationExpression(self, tree: Tree, depth: int) -> Node:
        owner, step = tree.getChild(0), tree.getChild(2)
        if kind_of(step) == "FunctionInvocation":
            return self._call(step, owner, depth)
        if name_of(step) == "extension":
            return self.extensions(owner, depth)
        return paths.then(self.node(owner, depth), self.node(step, depth))

    def _FunctionInvocation(self, tree: Tree, depth: int) -> Node:
        return self._call(tree, None, depth)

    def _IndexerExpression(self, tree: Tree, depth: int) -> Node:
        owner = self.node(tree.getChild(0), depth)
        return operators.at(owner, self.argument(tree.getChild(2), depth))

    def _call(self, tree: Tree, owner_tree: Tree | None, depth: int) -> Node:
        name, arguments = call_of(tree)
        compile_ = COMPILED.get((name, len(arguments)))
        if compile_ is not None:
            return compile_(self, Call(tree, owner_tree, arguments, depth))
        make = FUNCTIONS.get((name, len(arguments)))
        if make is None:
            refuse(why_not(name, len(arguments)), tree.start)
        owner = self.owner(owner_tree, depth)
        outer = self.focus
        if name in OF_EACH:
            self.focus = self.origin(owner_tree)
        nodes = [self.argument(argument, depth) for argument in arguments]
        self.focus = outer
        return make(owner, *nodes)

    def owner(self, tree: Tree | None, depth: int) -> Node:
        """Compile what a function is called on, ``$this`` if nothing is named."""
        return paths.itself if tree is None else self.node(tree, depth)

    def argument(self, tree: Tree, depth: int) -> Node:
        """Compile an argument; what it defines is not seen outside."""
        variables = self.variables
        node = self.node(tree, depth)
        self.variables = variables
        return node

    def extensions(self, owner: Tree | None, depth: int) -> Node:
        """Compile ``owner.extension``; what a primitive element has stands beside it."""
        if owner is not None:
            last, parents = step_of(owner)
            if kind_of(last) == "MemberInvocation" and not name_of(last)[:1].isupper():
                above = self.owner(parents, depth)
                return paths.extensions(above, name_of(last), self.types.choices)
        return paths.then(self.owner(owner, depth), paths.member("extension", {}))

    def define(self, name: str, origin: Origin) -> int:
        """Make a variable known to the steps that follow; return its slot in the run."""
        self.slots += 1
        self.variables = {**self.variables, name: (self.slots, origin)}
        return self.slots

    def is_bound(self, name: str) -> bool:
        """Tell whether a variable has a value here."""
        return name == "previous" or name in _VARIABLES | _CONSTANTS.keys() | self.variables.keys()

    def _TypeExpression(self, tree: Tree, depth: int) -> Node:
        owner, operator, type_ = (tree.getChild(i) for i in range(3))
        if kind_of(owner) in ("UnionExpression", "InequalityExpression"):
            # "a | b is T" means "a | (b is T)"; the grammar at hand binds the other way.
            left, sign, right = (owner.getChild(i) for i in range(3))
            typed = self._typed(right, operator.getText(), type_, depth)
            return OPERATIONS[sign.getText()](self.argument(left, depth), typed)
        return self._typed(owner, operator.getText(), type_, depth)

    def _typed(self, owner: Tree, operator: str, type_: Tree, depth: int) -> Node:
        return as_type(self, Call(type_, owner, [type_], depth), operator)

    def _binary(self, tree: Tree, depth: int) -> tuple[Node, str, Node]:
        return (
            self.argument(tree.getChild(0), depth),
            tree.getChild(1).getText(),
            self.argument(tree.getChild(2), depth),
        )

    def _operation(self, tree: Tree, depth: int) -> Node:
        left, operator, right = self._binary(tree, depth)
        return OPERATIONS[operator](left, right)

    _EqualityExpression = _InequalityExpression = _MembershipExpression = _operation
    _UnionExpression = _AdditiveExpression = _MultiplicativeExpression = _operation

    def _logic(self, tree: Tree, depth: int) -> Node:
        left, right = (self.condition(tree.getChild(side), depth) for side in (0, 2))
        return operators.LOGIC[tree.getChild(1).getText()](left, right)

    _AndExpression = _OrExpression = _ImpliesExpression = _logic

    def _PolarityExpression(self, tree: Tree, depth: int) -> Node:
        return operators.signed(self.argument(tree.getChild(1), depth), tree.getChild(0).getText())


def _number(text: str) -> Number:
    return Decimal(text) if "." in text else int(text)
