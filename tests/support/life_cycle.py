"""Which moves of ``Subscription.status`` are legal, checked on what was committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.core.subscriber import Subscriber
from hub.core.subscription import TRANSITIONS, ChannelType, SubscriptionStatusCode
from hub.ports import WriteBatch

_S = SubscriptionStatusCode
_BY_THE_HUB = {
    (before, after)
    for (before, signal), after in TRANSITIONS.items()
    if not signal.value.startswith("the client")
} | {(status, status) for status in _S}
_BY_THE_CLIENT = {(before, after) for (before, _), after in TRANSITIONS.items()} | {
    (_S.ACTIVE, _S.REQUESTED)
}


def illegal_moves(commits: Iterable[WriteBatch], known: dict[int, Subscriber]) -> Iterator[str]:
    """Yield what no table allows; ``known`` is how each Subscription was, and is kept up.

    A client's change raises the generation; whatever the hub does by itself does not.
    """
    for batch in commits:
        for after in batch.subscribers:
            before = known.get(after.sid)
            known[after.sid] = after
            if before is None or before.deleted or after.deleted:
                continue
            move = before.subscription.status, after.subscription.status
            by_client = after.generation > before.generation
            subscription = after.subscription
            at_once = subscription.is_classic or subscription.channel_type is ChannelType.WEBSOCKET
            if by_client and at_once and move[1] is _S.ACTIVE:
                move = move[0], _S.REQUESTED  # It needs no handshake.
            if move not in _BY_THE_HUB and not (by_client and move in _BY_THE_CLIENT):
                yield f"{move[0]} to {move[1]}"
