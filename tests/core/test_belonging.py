"""Whose a Subscription is: laws of who sees and who changes it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.belonging import Belonging
from hub.core.client import ADMINISTRATOR, HUB, Client

NAMES = st.sampled_from(["", "lab", "ward"])
PARTIES = st.frozensets(st.sampled_from(["Organization/lab", "http://s|1", "Patient/p"]))
BELONGINGS = st.builds(
    Belonging, owner=NAMES, administrative=st.booleans(), managing_entity=PARTIES
)
CLIENTS = st.builds(Client, name=st.sampled_from(["lab", "ward"]), parties=PARTIES)


@given(BELONGINGS, st.none() | CLIENTS | st.just(ADMINISTRATOR) | st.just(HUB))
def test_whoever_changes_it_sees_it_and_administrators_do_both(
    belonging: Belonging, caller: Client | None
) -> None:
    if belonging.may_be_changed_by(caller):
        assert belonging.is_shown_to(caller)
    if caller is not None and caller.is_administrator:
        assert belonging.may_be_changed_by(caller)


@given(BELONGINGS, CLIENTS)
def test_a_client_changes_its_own_only_and_never_an_administrative_one(
    belonging: Belonging, caller: Client
) -> None:
    own = belonging.owner == caller.name
    assert belonging.may_be_changed_by(caller) is (own and not belonging.administrative)


@given(BELONGINGS, CLIENTS)
def test_an_administrative_one_is_shown_to_those_who_act_for_its_managing_entity(
    belonging: Belonging, caller: Client
) -> None:
    acts = bool(belonging.managing_entity & caller.parties)
    own = belonging.owner == caller.name
    assert belonging.is_shown_to(caller) is (acts if belonging.administrative else own)


@given(BELONGINGS)
def test_who_was_not_asked_sees_all_but_administrative_ones(belonging: Belonging) -> None:
    assert belonging.is_shown_to(None) is not belonging.administrative
    assert belonging.may_be_changed_by(None) is not belonging.administrative
