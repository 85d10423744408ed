"""fhir-hub: takes changes of FHIR resources and tells whoever subscribed to them.

The floors, from below; each imports only what stands below it:

``errors``    every way in which the hub says no; ``error_catalogue`` lists them
``core``      what a change means: triggers, filters, numbers, notifications; pure
``ports``     what the engine needs from the outside, as protocols
``engine``    what happens: intake, Subscriptions, delivery, sockets
``codecs``    how R4, R4B and R5 write it
``stores``    where it is kept
``channels``  how it is sent
``guides``    how-tos in Markdown
``clock``, ``event_loop``, ``logs``, ``settings``; ``mail_settings``, ``guard_settings``,
              ``coding_settings``, ``client_settings``, ``process_settings`` below them
``web``       FHIR over HTTP, and websockets
``loading``   the definitions and topics that it starts with
``mail``      email as the settings make it
``second_process``  a process that does a part: ``delivery_process`` (lanes), ``web_process``
              (requests taken in)
``bootstrap`` all of it together
``cli``       the command line
"""
