"""Subscribers with their streams, events and attempts."""

from __future__ import annotations

from dataclasses import replace

from hub.core.timing import DeliveryState
from hub.ports import WriteBatch
from tests.stores.opening import StoreOpening
from tests.stores.samples import a_stream, a_subscriber, an_attempt, an_event, everybody


class SubscriberContract(StoreOpening):
    """What every store keeps for subscribers."""

    def test_streams_count_and_keep_their_events(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(streams=[a_stream(1), a_stream(2, n=5)]))
            events = [an_event(n) for n in (1, 2, 3)]
            store.commit(WriteBatch(events=[*events, an_event(6, 2)], counters={1: 3, 2: 6}))
            assert self.reopened(store).streams == (a_stream(1, n=3), a_stream(2, n=6))
            assert store.writer.events(1, 1, 3) == events
            assert store.writer.events(1, 2, 2) == events[1:2]
            assert store.writer.events(1, 4, 9) == []
            assert store.writer.events(2, 0, 9) == [an_event(6, 2)]

    def test_events_up_to_a_floor_go(self) -> None:
        with self.opened() as store:
            events = [an_event(n) for n in (1, 2, 3)]
            store.commit(WriteBatch(streams=[a_stream(n=3)], events=events))
            store.commit(WriteBatch(floors={1: 2}))
            assert store.writer.events(1, 1, 9) == events[2:]
            assert self.reopened(store).streams == (a_stream(n=3, floor=2),)

    def test_a_dropped_stream_goes_with_its_events_and_its_id_is_not_given_again(self) -> None:
        with self.opened() as store:
            events = [an_event(1), an_event(1, 2)]
            streams = [a_stream(1, n=1), a_stream(2)]
            store.commit(WriteBatch(streams=streams, events=events))
            store.commit(WriteBatch(dropped_streams=[2]))
            found = self.reopened(store)
            assert found.streams == (a_stream(1, n=1),)
            assert found.last_stream == 2
            assert store.writer.events(2, 0, 9) == []
            assert store.writer.events(1, 0, 9) == [an_event(1)]

    def test_a_subscriber_comes_back_as_it_was(self) -> None:
        with self.opened() as store:
            plain = a_subscriber(2, id="plain", headers=())
            store.commit(WriteBatch(subscribers=[a_subscriber(), plain]))
            assert everybody(self.reopened(store)) == (a_subscriber(), plain)
            changed = replace(a_subscriber(), segments=(), error=None, generation=4)
            store.commit(WriteBatch(subscribers=[changed]))
            assert everybody(self.reopened(store)) == (changed, plain)

    def test_what_finds_a_subscriber_is_at_hand_and_what_all_of_them_ask_for(self) -> None:
        with self.opened() as store:
            first = a_subscriber()
            plain = replace(
                first.subscription, id="plain", content_type="text/plain", suppress_echo=False
            )
            second = replace(first, sid=2, subscription=plain, delivery=DeliveryState(cursor=1))
            store.commit(WriteBatch(subscribers=[second]))
            found = self.reopened(store)
            assert (set(found.content_types), found.suppress_echo) == ({"text/plain"}, False)
            store.commit(WriteBatch(subscribers=[first]))
            found = self.reopened(store)
            assert (set(found.content_types), found.suppress_echo) == (
                {"text/plain", "application/fhir+json"},
                True,
            )
            for stored, whole in zip(found.subscribers, (first, second), strict=True):
                assert (stored.sid, stored.release, stored.id, stored.segments) == (
                    whole.sid,
                    whole.subscription.release,
                    whole.subscription.id,
                    whole.segments,
                )
                assert stored.whole() == whole

    def test_a_settled_delivery_changes_nothing_else(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(subscribers=[a_subscriber()]))
            settled = replace(a_subscriber(), owner="other", delivery=DeliveryState(cursor=9))
            store.commit(WriteBatch(deliveries=[settled]))
            expected = replace(a_subscriber(), delivery=DeliveryState(cursor=9))
            assert everybody(self.reopened(store)) == (expected,)

    def test_what_is_wrong_with_a_delivery_is_kept_with_it(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(subscribers=[a_subscriber()]))
            failing = replace(a_subscriber(), error="no answer", error_code="no-response")
            store.commit(WriteBatch(deliveries=[failing]))
            assert everybody(self.reopened(store)) == (failing,)
            healed = replace(failing, error=None, error_code=None)
            store.commit(WriteBatch(deliveries=[healed]))
            assert everybody(self.reopened(store)) == (healed,)

    def test_a_deleted_subscriber_keeps_its_numbers_and_loses_its_headers(self) -> None:
        with self.opened() as store:
            store.commit(WriteBatch(subscribers=[a_subscriber(4)]))
            store.commit(WriteBatch(subscribers=[a_subscriber(4, deleted=True)]))
            found = self.reopened(store)
            assert everybody(found) == (a_subscriber(4, headers=(), deleted=True),)
            assert found.last_sid == 4

    def test_attempts_are_told_newest_first(self) -> None:
        with self.opened() as store:
            mine = [an_attempt(number) for number in range(1, 6)]
            store.commit(WriteBatch(attempts=mine[:2]))
            store.commit(WriteBatch(attempts=[an_attempt(1, sid=2), *mine[2:]]))
            assert store.writer.attempts(1, 3) == [mine[4], mine[3], mine[2]]
            assert store.writer.attempts(2, 9) == [an_attempt(1, sid=2)]
            assert store.writer.attempts(3, 9) == []

    def test_only_the_newest_attempts_are_kept(self) -> None:
        with self.opened(attempts_kept=10) as store:
            for number in range(1, 31):
                store.commit(WriteBatch(attempts=[an_attempt(number)]))
            found = [attempt.first for attempt in store.writer.attempts(1, 99)]
            assert found == list(range(30, 20, -1))
