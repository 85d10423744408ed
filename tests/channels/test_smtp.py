"""How mails are handed over: answers, TLS, signing in, and servers that are none."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from hub.channels.smtp import SmtpAccess
from hub.core.delivery import Delivered, Failed, FailureClass
from hub.mail_settings import SmtpServer, StartTls
from tests.channels.mailing import (
    a_channel,
    an_envelope,
    deliver,
)
from tests.support.certificates import Authority
from tests.support.mail_server import HANG, MailServer
from tests.support.ports import fresh_port


def test_a_mail_that_was_taken_is_delivered_whatever_happens_to_the_goodbye() -> None:
    (result,), taken = deliver(envelope=an_envelope(timeout=timedelta(milliseconds=300)), mute=True)
    assert isinstance(result, Delivered)
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("code", "failure"),
    [("421", FailureClass.BUSY), ("452", FailureClass.BUSY), ("550", FailureClass.UNDELIVERABLE),
     ("552", FailureClass.UNDELIVERABLE), ("554", FailureClass.UNDELIVERABLE)],
)  # fmt: skip
@pytest.mark.parametrize("at", ["answers", "recipients"])
def test_4xx_is_for_later_and_5xx_for_good(code: str, failure: FailureClass, at: str) -> None:
    answer = f"{code} secret words of the server"
    if at == "recipients":
        (result,), taken = deliver(recipients=[answer])
    else:
        (result,), taken = deliver(answer)

    assert isinstance(result, Failed)
    assert (result.failure, result.status) == (failure, int(code))
    assert "secret" not in repr(result)
    assert taken == []


def test_starttls_is_used_where_it_is_offered_and_the_certificate_is_checked(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with MailServer(tls=authority.server()) as server:
            trusting = a_channel(server, ca_file=authority.ca_file)
            assert isinstance(await trusting.send(an_envelope()), Delivered)
            careless = a_channel(server, starttls=StartTls.OFF)
            assert isinstance(await careless.send(an_envelope()), Delivered)
            strict = a_channel(server, ca_file=authority.ca_file, starttls=StartTls.REQUIRED)
            assert isinstance(await strict.send(an_envelope()), Delivered)
            assert [mail.encrypted for mail in server.taken] == [True, False, True]
            untrusting = await a_channel(server).send(an_envelope())
            assert isinstance(untrusting, Failed)
            assert untrusting.failure is FailureClass.TLS
            assert "certificate was not accepted" in untrusting.reason
        async with MailServer(tls=authority.server(expired=True)) as server:
            result = await a_channel(server, ca_file=authority.ca_file).send(an_envelope())
            assert isinstance(result, Failed)
            assert (result.failure, "expired" in result.reason) == (FailureClass.TLS, True)

    asyncio.run(scenario())


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with MailServer(tls=authority.server(), at_once=True) as server:
            channel = a_channel(server, tls=True, ca_file=authority.ca_file)
            assert isinstance(await channel.send(an_envelope()), Delivered)
            assert server.taken[0].encrypted
            untrusting = await a_channel(server, tls=True).send(an_envelope())
            assert isinstance(untrusting, Failed)
            assert untrusting.failure is FailureClass.TLS
        async with MailServer() as plain:
            wrong = await a_channel(plain, tls=True, ca_file=authority.ca_file).send(an_envelope())
            assert isinstance(wrong, Failed)
            assert wrong.failure is FailureClass.TLS

    asyncio.run(scenario())


def test_nothing_is_sent_where_tls_is_required_and_not_offered() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            result = await a_channel(server, starttls=StartTls.REQUIRED).send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.TLS
            assert "--smtp-starttls required" in result.reason
            assert server.tried == []

    asyncio.run(scenario())


def test_the_hub_signs_in_and_a_wrong_password_is_not_the_subscribers_fault() -> None:
    async def scenario() -> None:
        async with MailServer(password="right") as server:
            right = a_channel(server, user="hub", password="right")
            assert isinstance(await right.send(an_envelope()), Delivered)
            assert server.taken[0].user == "hub"
            result = await a_channel(server, user="hub", password="wrong").send(an_envelope())
            assert isinstance(result, Failed)
            assert (result.failure, result.status) == (FailureClass.REFUSED, 535)
            assert "wrong" not in repr(result)
            missing = await a_channel(server).send(an_envelope())
            assert isinstance(missing, Failed)
            assert missing.status == 530

    asyncio.run(scenario())
    assert "right" not in repr(
        SmtpAccess(server=SmtpServer("h", 1), sender="a@b.c", password="right")
    )


def test_a_server_that_offers_no_signing_in_or_no_name_is_told_apart() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            result = await a_channel(server, user="hub", password="p").send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.PROTOCOL
            assert "signing in" in result.reason
        nowhere = a_channel(25, host="no-such-host.invalid")
        result = await nowhere.send(an_envelope())
        assert isinstance(result, Failed)
        assert result.failure is FailureClass.DNS

    asyncio.run(scenario())


def test_a_port_where_nothing_listens_or_something_else() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no service for you\r\n")
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        result = await a_channel(fresh_port()).send(an_envelope())
        assert isinstance(result, Failed)
        assert result.failure is FailureClass.CONNECTION
        for serve, failures in (
            (greet, {FailureClass.PROTOCOL, FailureClass.CONNECTION, FailureClass.REFUSED}),
            (refuse, {FailureClass.REFUSED}),
        ):
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                result = await a_channel(port).send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure in failures

    asyncio.run(scenario())


def test_an_attempt_that_finds_no_free_connection_in_time_fails_as_one_without_answer() -> None:
    async def scenario() -> None:
        async with MailServer([HANG] * 20) as server:
            channel = a_channel(server)
            stuck = [asyncio.create_task(channel.send(an_envelope())) for _ in range(20)]
            while len(server.tried) < 20:
                await asyncio.wait(stuck, timeout=0.01)
            soon = timedelta(milliseconds=50)
            result = await channel.send(an_envelope(timeout=soon))
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.TIMEOUT
            assert "waiting for a free connection" in result.reason
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)

    asyncio.run(scenario())
