"""How each release of FHIR writes what the hub says, and reads what subscribers say.

Rules of this floor:

- One class per release (``r4.R4Codec``, ``r4b.R4BCodec``, ``r5.R5Codec``), each a
  ``hub.ports.Codec``.  Nothing above this floor knows how a release spells anything.
- R4 and R4B share the backport guide's Subscription (``backport``); R4B and R5 share the
  SubscriptionStatus resource (``bundle``).
- What is read becomes a value of ``hub.core`` or is refused with the element's name in the
  release that was spoken.  Nothing that changes which events are sent is ever ignored.
- Clinical resources are bytes: they are spliced into Bundles as they are stored.
- No clock, no luck, no I/O but the tables that ship with the hub.
"""
