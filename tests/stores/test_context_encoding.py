from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.version import EventContext
from hub.stores.encoding import decode_context, encode_context


@given(st.lists(st.integers(0, 70), max_size=4), st.booleans())
@example([0], False)
@example([62], False)
@example([63], False)
@example([1, 0], False)
@example([0, 0], False)
def test_a_context_of_triggers_is_read_as_it_was(triggers: list[int], lost: bool) -> None:
    context = EventContext(triggers=tuple(triggers), lost=lost)
    assert decode_context(encode_context(context)) == context


def test_usual_triggers_are_a_number() -> None:
    assert encode_context(EventContext(triggers=(0,))) == 1
    assert encode_context(EventContext(triggers=(0, 2))) == 5
    assert encode_context(EventContext()) is None
