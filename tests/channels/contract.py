"""What every channel promises, as tests that each channel runs."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from enum import Enum
from typing import Protocol

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass

SHORT = timedelta(milliseconds=150)
LONG = timedelta(seconds=10)
BODY = b'{"resourceType":"Bundle","total":1.10, "text":"\xc3\xa9\\u00e9\r\n"}'


class Behaviour(Enum):
    """What the other side does with one attempt."""

    ACCEPTS = "accepts"
    FAILS = "says that it can't now"
    HANGS = "says nothing"
    DROPS = "closes the connection"
    REDIRECTS = "names another address"


class Sender(Protocol):
    """The part of a channel that delivers."""

    async def send(self, envelope: Envelope) -> DeliveryResult: ...


class Rig(Protocol):
    """A channel and the other side of it."""

    @property
    def channel(self) -> Sender: ...

    def envelope(
        self, *, body: bytes, parameter: tuple[tuple[str, str], ...], timeout: timedelta
    ) -> Envelope:
        """Return an envelope for the other side."""

    def taken(self) -> list[tuple[tuple[tuple[str, str], ...], bytes]]:
        """Return the subscriber's headers and the body of each attempt that arrived."""

    def strayed(self) -> int:
        """Return how many attempts arrived at the address that a redirect names."""


class ChannelContract(ABC):
    """Subclass it, name it ``Test...`` and say how to make a rig.

    ``parameter`` are headers that the channel sends; ``secret`` is one whose value holds the word
    canary; ``redirected`` is how an answer that names another address is judged.
    """

    parameter: tuple[tuple[str, str], ...] = (
        ("X-First", "one, two"),
        ("Authorization", "Bearer abc.def"),
        ("X-Again", "1"),
        ("X-Again", "2"),
    )
    secret: tuple[str, str] = ("Authorization", "Bearer canary")
    redirected = FailureClass.REDIRECT

    @abstractmethod
    def rig(self, *behaviours: Behaviour) -> AbstractAsyncContextManager[Rig]:
        """Return a rig whose other side does this, one after the other, then accepts."""

    def _run(
        self,
        behaviours: Sequence[Behaviour],
        *,
        body: bytes = BODY,
        parameter: tuple[tuple[str, str], ...] = (),
        timeout: timedelta = LONG,
    ) -> tuple[list[DeliveryResult], Rig]:
        async def scenario() -> tuple[list[DeliveryResult], Rig]:
            async with self.rig(*behaviours) as rig:
                envelope = rig.envelope(body=body, parameter=parameter, timeout=timeout)
                return [await rig.channel.send(envelope) for _ in behaviours], rig

        return asyncio.run(scenario())

    def test_what_the_other_side_accepts_is_delivered(self) -> None:
        results, rig = self._run([Behaviour.ACCEPTS])

        assert isinstance(results[0], Delivered)
        assert results[0].timing.total > 0
        assert len(rig.taken()) == 1

    def test_a_failure_is_a_value_and_the_next_attempt_is_independent_of_it(self) -> None:
        results, rig = self._run([Behaviour.FAILS, Behaviour.ACCEPTS])

        assert isinstance(results[0], Failed)
        assert results[0].failure is FailureClass.BUSY
        assert isinstance(results[1], Delivered)
        assert len(rig.taken()) == 2

    def test_a_dropped_connection_is_a_value(self) -> None:
        (result,), _ = self._run([Behaviour.DROPS])

        assert isinstance(result, Failed)
        assert result.failure is FailureClass.CONNECTION

    def test_the_deadline_is_kept_when_the_other_side_says_nothing(self) -> None:
        (result,), _ = self._run([Behaviour.HANGS], timeout=SHORT)

        assert isinstance(result, Failed)
        assert result.failure is FailureClass.TIMEOUT
        assert SHORT.total_seconds() * 900 <= result.timing.total < 2_000

    def test_a_redirect_is_a_failure_and_is_not_followed(self) -> None:
        (result,), rig = self._run([Behaviour.REDIRECTS])

        assert isinstance(result, Failed)
        assert result.failure is self.redirected
        assert rig.strayed() == 0

    def test_headers_arrive_in_order_and_the_body_byte_for_byte(self) -> None:
        _, rig = self._run([Behaviour.ACCEPTS], parameter=self.parameter)

        assert rig.taken() == [(self.parameter, BODY)]

    def test_a_reason_holds_nothing_of_the_envelope(self) -> None:
        for behaviour in Behaviour:
            (result,), _ = self._run([behaviour], parameter=(self.secret,), timeout=SHORT)
            assert "canary" not in repr(result)
            assert "Bundle" not in repr(result)

    def test_attempts_do_not_wait_for_each_other(self) -> None:
        async def scenario() -> None:
            async with self.rig(Behaviour.HANGS) as rig:
                envelope = rig.envelope(body=BODY, parameter=(), timeout=LONG)
                stuck = asyncio.create_task(rig.channel.send(envelope))
                while not rig.taken():
                    if stuck.done():
                        raise AssertionError("it was to hang")
                    await asyncio.wait([stuck], timeout=0.01)
                assert isinstance(await rig.channel.send(envelope), Delivered)
                stuck.cancel()
                await asyncio.gather(stuck, return_exceptions=True)

        asyncio.run(scenario())
