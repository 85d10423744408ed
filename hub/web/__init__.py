"""HTTP and websockets: requests become values, values become answers.

Rules of this floor:

- A request is read once into a ``Call`` (``request``); an interaction turns it into an ``Answer``
  (``resource``, ``history``, ``search``, ``operation``, ``message``, ``metadata``).  The entries
  of a batch or transaction are calls too (``bundle``), so that both ways behave the same.
- ``interaction`` is the table of what is offered where; everything else is refused with 404 or
  405.
- Every refusal is an OperationOutcome, to a message inside a message.  What is not a ``HubError``
  is a bug: 500 without details.
- Addresses that the hub writes come from its public URL, never from the Host header.
- Nothing of a request is logged: no body, query, header or token.
"""
