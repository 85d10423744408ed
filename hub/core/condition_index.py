"""Which of many sets of conditions a state answers, without trying each of them.

Per set of parameters whose exact terms are asked for, a tree leads from the terms of the resource
to the sets that ask for them; what else a set asks is tried once per distinct condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

from hub.core.search import Condition
from hub.core.search_parameter import SearchParameter
from hub.core.state import State

MAX_PATHS = 256
"""At most so many places hold one set; one with more alternatives is held by fewer codes."""

_FEW = 8


class _Signature:
    """Sets that ask for exact terms of the same parameters.

    ``root`` is a tree of dicts, one level per parameter.  A leaf is a dict with the sets' keys, or
    one key alone: there may be millions of these.  ``others`` is what else a set asks for.
    """

    __slots__ = ("others", "parameters", "root")

    def __init__(self, parameters: tuple[SearchParameter, ...]) -> None:
        self.parameters = parameters
        self.root: dict[Any, Any] = {}
        self.others: dict[int, tuple[Condition, ...]] = {}

    def add(self, path: tuple[str, ...], key: int) -> None:
        if not path:
            self.root[key] = None
            return
        node, last = self.root, path[-1]
        for term in path[:-1]:
            node = node.setdefault(term, {})
        _put(node, last, key)


class ConditionIndex:
    """Sets of conditions, all of which must hold, by an integer key of each set."""

    __slots__ = ("_signatures",)

    def __init__(self) -> None:
        self._signatures: dict[tuple[str, ...], _Signature] = {}

    def __len__(self) -> int:
        return len(self._signatures)

    def add(self, key: int, conditions: tuple[Condition, ...]) -> None:
        """Hold a set under a key that is not there yet."""
        keyed, others = _place(conditions)
        signature = self._signature(
            tuple(keyed), tuple([each.criterion.parameter for _, each in keyed.values()])
        )
        for path in product(*(terms for terms, _ in keyed.values())):
            signature.add(path, key)
        if others:
            signature.others[key] = others

    def add_all(
        self,
        codes: tuple[str, ...],
        parameters: tuple[SearchParameter, ...],
        asked: tuple[int, ...],
        sets: Sequence[tuple[int, object, Sequence[Sequence[str]]]],
    ) -> None:
        """Hold sets that ask for exact terms only, at most ``MAX_PATHS`` combinations each.

        Args:
            codes: of the parameters, in order, each once.
            parameters: in the same order.
            asked: which of a set's terms are those of each parameter.
            sets: of each its key, which is not there yet, whatever, and terms, each once.
        """
        signature = self._signature(codes, parameters)
        if len(asked) == 1:
            (only,) = asked
            put = signature.root.setdefault
            for key, _, terms in sets:
                for term in terms[only]:
                    leaf = put(term, key)
                    if leaf is not key:
                        _put(signature.root, term, key)
            return
        for key, _, terms in sets:
            for path in product(*[terms[each] for each in asked]):
                signature.add(path, key)

    def _signature(
        self, codes: tuple[str, ...], parameters: tuple[SearchParameter, ...]
    ) -> _Signature:
        signature = self._signatures.get(codes)
        if signature is None:
            signature = self._signatures[codes] = _Signature(parameters)
        return signature

    def remove(self, key: int, conditions: tuple[Condition, ...]) -> None:
        """Forget a set that is held under a key."""
        keyed, _ = _place(conditions)
        codes = tuple(keyed)
        signature = self._signatures[codes]
        signature.others.pop(key, None)
        for path in product(*(terms for terms, _ in keyed.values())):
            _prune(signature.root, path, key)
        if not signature.root:
            del self._signatures[codes]

    def match(self, state: State) -> set[int]:
        """Return the keys of the sets that the state answers."""
        return _matching(self._signatures.values(), state)

    def lost(self, before: State, after: State) -> set[int]:
        """Return the keys of the sets that are answered before and not after."""
        changed: list[_Signature] = []
        for signature in self._signatures.values():
            if signature.others:
                changed.append(signature)
                continue
            for parameter in signature.parameters:
                if before.values(parameter).terms != after.values(parameter).terms:
                    changed.append(signature)
                    break
        # Nearly always all is as it was, and then nothing needs to be looked up.
        return _matching(changed, before) - _matching(changed, after) if changed else set()


def _matching(signatures: Iterable[_Signature], state: State) -> set[int]:
    found: set[int] = set()
    for signature in signatures:
        nodes: Any = (signature.root,)
        for parameter in signature.parameters:
            terms = state.values(parameter).terms
            above, nodes = nodes, []
            for node in above:
                for term in terms if len(terms) < _FEW else node.keys() & terms:
                    if term in node:
                        nodes.append(node[term])
        others = signature.others
        for leaf in nodes:
            if others:
                for key in (leaf,) if type(leaf) is int else leaf:
                    if key not in others or state.answers_all(others[key]):
                        found.add(key)
            elif type(leaf) is int:
                found.add(leaf)
            else:
                found.update(leaf)
    return found


def _place(
    conditions: tuple[Condition, ...],
) -> tuple[dict[str, tuple[tuple[str, ...], Condition]], tuple[Condition, ...]]:
    """Return by which terms a set is held, by code and in its order, and what else it asks for."""
    keyed: dict[str, tuple[tuple[str, ...], Condition]] = {}
    for condition in conditions:
        keys = condition.keys()
        if keys is not None and keys[0] not in keyed:
            keyed[keys[0]] = keys[1], condition
    codes = sorted(keyed, key=lambda code: (len(keyed[code][0]), code))
    while len(codes) > 1 and prod(len(keyed[code][0]) for code in codes) > MAX_PATHS:
        codes.pop()
    used = {code: keyed[code] for code in sorted(codes)}
    if len(used) == len(conditions):
        return used, ()
    held = [condition for _, condition in used.values()]
    return used, tuple(each for each in conditions if not any(each is other for other in held))


def _put(node: dict[Any, Any], term: str, key: int) -> None:
    """Put a key to the leaf of a term."""
    leaf = node.get(term)
    if leaf is None:
        node[term] = key
    elif type(leaf) is int:
        node[term] = {leaf: None, key: None}
    else:
        leaf[key] = None


def _prune(node: dict[Any, Any], path: tuple[str, ...], key: int) -> None:
    if not path:
        del node[key]
        return
    below = node[path[0]]
    if type(below) is int:
        del node[path[0]]
        return
    _prune(below, path[1:], key)
    if not below:
        del node[path[0]]
