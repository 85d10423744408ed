"""The engine: what happens with a change, a Subscription, a notification.

It takes time, luck, the store, the codecs and the channels as arguments and knows none of them by
name: the same engine runs in the simulation on a virtual clock.

Reading order: ``write`` (one interaction), ``plan`` (a batch of them, planned in memory),
``intake`` (the one writer); ``subscribers`` (what is known of each Subscription), ``acceptance``
(what would be honoured), ``subscriptions`` (their life cycle), ``subscription_status``
(``$status``, ``$events``); ``settlement``, ``delivery`` (lanes) and ``carrier`` (what one of them
does), ``sockets`` (websockets), ``retention``, ``topics`` (written while the hub runs),
``messages`` (that come in); ``hub`` and ``assembly`` (all together).
"""
