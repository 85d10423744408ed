"""Search: the current versions that an expression selects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.search_comparator import Comparator
from hub.core.search_index import (
    And,
    Everything,
    Expression,
    IndexEntry,
    Not,
    Or,
    Overlap,
    Prefix,
    Term,
)
from hub.core.search_term import kind_term
from hub.core.version import ResourceKey, ResourceVersion
from tests.stores.history import (
    R4,
    R5,
    TERMS,
    History,
    expressions,
    reindex_all,
    several_stores,
    writes,
)
from tests.stores.opening import StoreOpening
from tests.stores.samples import a_key, an_entry


class SearchContract(StoreOpening):
    """What every store finds."""

    @several_stores
    @given(st.lists(writes, max_size=4), expressions, st.sampled_from(("Task", "Resource")))
    def test_a_search_finds_the_current_versions_that_the_expression_selects(
        self,
        batches: list[list[tuple[ResourceKey, IndexEntry | None]]],
        expression: Expression,
        resource_type: str,
    ) -> None:
        with self.opened() as store:
            history = History(store)
            for changes in batches:
                history.write(*changes)
            expected = history.found(R5, resource_type, expression)
            found = store.writer.search(R5, resource_type, expression, count=100)
            assert found == expected
            assert store.writer.count(R5, resource_type, expression) == len(expected)

    def test_a_count_by_terms_alone_is_that_of_the_type_and_of_what_is_current(self) -> None:
        """Terms of a value hold their type in a hash; that of a type may be asked of another."""
        kind, value = kind_term("Task"), "h0123456789abcdef"
        of_value, of_kind = Term(value), Term(kind)
        with self.opened() as store:
            history = History(store)
            kept, deleted = a_key("1"), a_key("2")
            history.write((kept, an_entry(kind, value)), (deleted, an_entry(kind, value)))
            history.write((deleted, None))
            counts = {
                (resource_type, asked): store.writer.count(R5, resource_type, asked)
                for resource_type in ("Task", "Patient", "Resource")
                for asked in (of_value, of_kind, Or((of_value, Term("h" + 16 * "0"))))
            }
            assert [counts["Task", asked] for asked in (of_value, of_kind)] == [1, 1]
            assert counts["Patient", of_kind] == 0
            assert counts["Resource", of_value] == 1
            assert counts["Task", Or((of_value, Term("h" + 16 * "0")))] == 1
            assert store.writer.count(R5, "Task", And((of_kind, of_value))) == 1
            assert store.writer.count(R5, "Task", And((of_kind, Not(of_value)))) == 0

    @several_stores
    @given(writes, expressions, st.integers(1, 4))
    def test_pages_of_a_search_follow_each_other(
        self,
        changes: list[tuple[ResourceKey, IndexEntry | None]],
        expression: Expression,
        size: int,
    ) -> None:
        with self.opened() as store:
            history = History(store)
            history.write(*changes)
            pages: list[ResourceVersion] = []
            before = None
            while page := store.writer.search(R4, "Task", expression, count=size, before=before):
                assert len(page) <= size
                pages += page
                before = page[-1].seq
            assert pages == history.found(R4, "Task", expression)

    def test_a_search_may_ask_for_thousands_of_values(self) -> None:
        with self.opened() as store:
            history = History(store)
            for id in range(5):
                ranges = ((1, id * 400, id * 400 + 1),)
                history.write((a_key(str(id)), an_entry("k1", f"h{id * 400}", ranges=ranges)))
            terms = Or(tuple(Term(f"h{number}") for number in range(1500)))
            ranges_asked = Or(tuple(Overlap(1, n, n + 1, Comparator.EQ) for n in range(1500)))
            for many in (terms, ranges_asked):
                found = store.writer.search(R5, "Task", And((Term("k1"), many)), count=9)
                assert [version.key.id for version in found] == ["3", "2", "1", "0"]
                others = store.writer.search(R5, "Task", And((Term("k1"), Not(many))), count=9)
                assert [version.key.id for version in others] == ["4"]

    @several_stores
    @given(st.lists(writes, max_size=3), expressions)
    def test_a_reindexed_store_finds_what_the_new_entries_say(
        self,
        batches: list[list[tuple[ResourceKey, IndexEntry | None]]],
        expression: Expression,
    ) -> None:
        def entry_of(version: ResourceVersion, /) -> IndexEntry:
            low = version.seq % 9
            return an_entry(TERMS[version.seq % 6], ranges=((1, low, low + 2),))

        with self.opened() as store:
            history = History(store)
            for changes in batches:
                history.write(*changes)
            alive = {k: v for k, (v, entry) in history.current.items() if entry is not None}
            reindex_all(store, entry_of)
            history.current = {k: (v, entry_of(v)) for k, v in alive.items()}
            found = store.writer.search(R5, "Task", expression, count=100)
            assert found == history.found(R5, "Task", expression)
            history.write(*((key, None) for key in alive))
            assert store.writer.count(R5, "Resource", Everything()) == 0
            assert store.writer.count(R5, "Resource", Prefix("h")) == 0
