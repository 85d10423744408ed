"""How notifications leave the hub: one module for each kind of channel.

Rules of this floor:

- A channel tries once and says what came of it.  It neither retries on a schedule, nor logs, nor
  asks what time it is.  A remote failure is a value (``hub.core.delivery.Failed``); an exception
  from ``send`` is a bug.
- Whatever dials out over HTTP does so with ``egress.GuardedClient``, which checks the address that
  is really dialled.  No other module here opens a connection to an address that somebody else
  wrote.
- What a channel can't serve is refused by ``check`` when the Subscription is created.
- Bodies, header values and query strings are never part of a message, a ``repr`` or a log line.

Reading order: ``addresses`` (where the hub may send), ``endpoint`` (what a URL may look like),
``header`` (what a subscriber's header may look like), ``limits``, ``attempt`` (what is seen of one
attempt), ``request``, ``reader`` (what is sent and read), ``connection``, ``pool``, ``resolver``,
``dialler`` (where the address is checked), ``egress`` (the client), ``rest_hook``, ``message``,
``websocket``.  For mail: ``mailto``, ``mail_header``, ``mail_payload`` (what may be asked for),
``mail_text`` (what a person reads), ``mail_message`` (the whole mail), ``smtp`` (handing it over),
``email``.
"""
