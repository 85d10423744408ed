"""The engine: what happens with a change, a Subscription, a notification.

It takes time, luck, the store, the codecs and the channels as arguments and knows none of them by
name: the same engine runs in the simulation on a virtual clock.

Reading order: ``plan`` (one batch of changes, planned in memory), ``intake`` (the one writer),
``subscribers`` (what is known of each Subscription), ``subscriptions`` (their life cycle and
operations), ``delivery`` (lanes), ``sockets`` (websockets), ``retention``, ``hub`` (all together).
"""
