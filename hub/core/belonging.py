"""Whose a Subscription is: who knows of it, and who may change it.

A Subscription is its creator's; to all others it is as if there were none.  An administrative one
is the administrators', and those for whom it was created may read it: the clients that act for its
managing entity.  Where nobody was asked who they are, everybody is the same somebody.
Source: http://hl7.org/fhir/R5/subscription.html ("Safety and Security"; managingEntity).
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """Whose one Subscription is.

    ``owner`` is the name of the client that created it, empty where nobody was asked;
    ``managing_entity`` what the managing entity is called, as in ``Client.parties``.
    """

    owner: str
    administrative: bool = False
    managing_entity: frozenset[str] = frozenset()

    def is_shown_to(self, caller: Client | None) -> bool:
        """Tell whether a caller knows of it; None is a caller whom nobody asked."""
        if caller is not None and not caller.is_administrator and self.administrative:
            return not self.managing_entity.isdisjoint(caller.parties)
        return self.may_be_changed_by(caller)

    def may_be_changed_by(self, caller: Client | None) -> bool:
        """Tell whether a caller may change or delete it, and have something sent for it."""
        if caller is None:
            return not self.administrative
        if caller.is_administrator:
            return True
        return not self.administrative and self.owner == caller.name
