from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hub.__main__ import main
from hub.cli.arguments import COMMANDS
from hub.cli.demo import free_port
from hub.cli.exits import CommandError, Exit
from hub.cli.parser import DEFAULT_URL
from hub.error_catalogue import catalogue, explained
from hub.settings import OPTIONS
from tests.support.deadline import DEADLINE

REPOSITORY = Path(__file__).parents[2]
PATIENCE = DEADLINE


def _run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *words],
        cwd=REPOSITORY,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


# A shell lets commands in the background ignore ^C; this undoes that.
_HEEDING_INTERRUPTS = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, '-m', 'hub', *sys.argv[1:]])"
)


@contextmanager
def _started(*words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HEEDING_INTERRUPTS, *words],
        cwd=REPOSITORY,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_help_needs_nothing_but_argparse() -> None:
    script = (
        "import sys; from hub.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'httpx', 'aiohttp', 'websockets', 'starlette', 'asyncio', 'sqlmodel', 'fhir'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = run_python(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\n    {command} " in done.stdout for command in COMMANDS)


def test_a_hub_starts_without_what_it_may_never_need() -> None:
    script = (
        "import sys; import hub.cli.serve, hub.bootstrap\n"
        "rare = {'httpx', 'aiohttp', 'markdown_it', 'sqlmodel', 'sqlalchemy', 'fhir', 'pydantic'}\n"
        "sys.exit(' '.join(sorted(rare & set(sys.modules))) or 0)"
    )
    done = run_python(script)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_command_explains_itself_and_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        text = capsys.readouterr().out
        assert f"fhir-hub {command}" in text
        assert "exit codes" in text or command == "serve"


def test_the_help_of_serve_has_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    assert all(option.flag in text for option in OPTIONS)


def test_a_mistyped_command_is_told_in_one_line_with_the_near_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["wach"]) == Exit.USAGE
    assert capsys.readouterr().err == "fhir-hub: 'wach' is no command; did you mean watch?\n"
    assert main(["qqq"]) == Exit.USAGE
    assert "there are serve, demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["watch", "--count", "0"],
        ["watch", "--wait", "soon"],
        ["watch", "--release", "r3"],
        ["receiver", "--fail", "2"],
        ["receiver", "--port", "70000"],
        ["receiver", "--lose", "a"],
        ["demo", "--port", "0"],
        ["subs", "events", "x", "7..3"],
        ["subs", "fly", "x"],
        ["serve", "--nonsense"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == Exit.USAGE
    assert capsys.readouterr().err.count("\n") == 1


def test_a_url_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("hub.example.org", "http://", "http://[oops"):
        assert main(["subs", "list", "--url", url]) == Exit.USAGE
        assert DEFAULT_URL in capsys.readouterr().err


def test_nobody_at_the_url_is_exit_code_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subs", "list", "--url", "http://127.0.0.1:1"]) == Exit.UNREACHABLE
    assert "does not answer" in capsys.readouterr().err


def test_an_unknown_setting_stops_serve_with_one_line() -> None:
    done = _run("serve", HUB_PROT="80")
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("fhir-hub: HUB_PROT is no setting; did you mean HUB_PORT")
    assert done.stderr.count("\n") == 1


def test_a_guard_that_cannot_be_used_stops_serve_with_one_line(tmp_path: Path) -> None:
    table = tmp_path / "lab.json"
    table.write_text('{"rules": [{"transitions": {"requested": ["acepted"]}}]}')
    place = "rules[0].transitions.requested[0]: 'acepted' is no status of a Task"
    for flags, words in (
        (("--task-guard", str(table)), f"--task-guard: {table}: {place}; did you mean accepted?"),
        (("--task-guard", "order"), "--task-guard says who may move a Task, but this hub asks"),
        (("--require-if-match", "Taks"), "--require-if-match: 'Taks' is no resource type; did you"),
    ):
        done = _run("serve", "--db", str(tmp_path / "hub.db"), *flags)
        assert done.returncode == Exit.USAGE
        assert done.stderr.startswith(f"fhir-hub: {words}")
        assert done.stderr.count("\n") == 1


def test_serve_on_the_network_needs_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == Exit.USAGE
    assert "--insecure" in capsys.readouterr().err


def test_serve_asks_who_calls_and_says_so(tmp_path: Path) -> None:
    clients, database = tmp_path / "clients.json", str(tmp_path / "hub.db")
    clients.write_text('{"clients": [{"name": "lab"}]}')
    done = _run("serve", "--clients", str(clients), "--db", database)
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith(f"fhir-hub: --clients: {clients}: clients[0].token must be ")
    assert done.stderr.count("\n") == 1
    clients.unlink()
    assert _run("client", "new", "lab", "--file", str(clients)).returncode == Exit.OK
    with closing(free_port(None)) as probe:
        port = str(probe.getsockname()[1])
    words = ("serve", "--port", port, "--db", database)
    with _started(*words, HUB_CLIENTS=str(clients)) as process:
        assert process.stderr is not None
        banner = [process.stderr.readline() for _ in range(7)]
        assert "  asks      who calls, and knows 1 client\n" in banner
        assert any(line.startswith("  processes ") for line in banner)
        assert _run("subs", "list", "--url", f"http://127.0.0.1:{port}").returncode == Exit.REFUSED
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == Exit.OK


def test_serve_runs_until_sigterm_and_a_taken_port_is_told(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = str(probe.getsockname()[1])
    with _started("serve", "--port", port, "--db", str(tmp_path / "hub.db")) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"● ready  http://127.0.0.1:{port}  (^C to quit)\n"
        second = _run("serve", "--port", port, "--db", str(tmp_path / "other.db"))
        assert second.returncode == Exit.USAGE and "--port" in second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == Exit.OK


def test_the_demo_played_once_is_exit_code_0_and_ends_with_its_verdict() -> None:
    done = _run("demo", "--once")
    assert done.stderr == ""
    assert done.returncode == Exit.OK
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fhir-hub demo")
    assert lines[-1].startswith("✓ all ") and lines[-1].endswith(" steps held")
    assert "\x1b" not in done.stdout
    assert not any("✗" in line for line in lines)


def test_the_demo_takes_the_next_free_port_and_goes_on_until_it_is_told() -> None:
    with closing(free_port(None)) as taken, _started("demo") as process:
        assert process.stdout is not None
        banner = [process.stdout.readline() for _ in range(3)]
        port = int(banner[2].split(":")[2].split("/")[0])
        assert port != taken.getsockname()[1]
        while "developer" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == Exit.INTERRUPTED


def test_a_port_that_was_asked_for_and_is_taken_is_an_error() -> None:
    with closing(free_port(None)) as taken, pytest.raises(CommandError, match="--port") as caught:
        free_port(taken.getsockname()[1])
    assert caught.value.code is Exit.USAGE


def test_watch_stopped_by_sigterm_deletes_its_subscription(hub_url: str) -> None:
    with _started("watch", "--url", hub_url) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "watching any-change" in line
        id = line.split("Subscription/")[1].split()[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == Exit.INTERRUPTED
    done = _run("subs", "show", id, "--url", hub_url)
    assert done.returncode == Exit.REFUSED


def test_errors_lists_and_explains_every_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["errors"]) == Exit.OK
    listed = capsys.readouterr().out
    for slug, kind in catalogue().items():
        assert slug in listed
        assert main(["errors", slug]) == Exit.OK
        text = capsys.readouterr().out
        assert str(kind.status) in text and kind.hint in text
    assert main(["errors", "gone-fishing"]) == Exit.USAGE
    assert main(["errors", "expird"]) == Exit.USAGE
    assert "did you mean expired?" in capsys.readouterr().err


def test_errors_as_json_have_code_status_meaning_and_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["errors", "expired", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told == explained(catalogue()["expired"])
    assert (told["slug"], told["status"], told["code"]) == ("expired", 410, "expired")
    assert told["explanation"] and told["hint"]


def test_topics_are_listed_with_the_releases_where_they_compute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["topics"]) == Exit.OK
    rows = capsys.readouterr().out.splitlines()
    row = next(row for row in rows if row.startswith("task-requested "))
    assert row.split()[2:5] == ["R4", "R4B", "R5"]


def test_a_topic_shows_triggers_and_filters_per_release(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["topics", "show", "task-requested"]) == Exit.OK
    rows = capsys.readouterr().out.splitlines()
    assert any(row.startswith("Task?owner ") and "R4 R4B R5" in row for row in rows)
    assert any(row.startswith("Task?requestedperformer-reference ") for row in rows)
    assert any("status=requested" in row for row in rows)
    assert main(["topics", "show", "task-requested", "--format", "json"]) == Exit.OK
    topic = json.loads(capsys.readouterr().out)
    assert topic["name"] == "task-requested" and set(topic["releases"]) == {"R4", "R4B", "R5"}


def test_topics_of_a_directory_are_listed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = {
        "resourceType": "SubscriptionTopic",
        "url": "http://example.org/mine",
        "status": "active",
        "resourceTrigger": [{"resource": "Nothing"}],
    }
    (tmp_path / "mine.json").write_text(json.dumps(topic))
    assert main(["topics", "show", "http://example.org/mine", "--topics", str(tmp_path)]) == 0
    assert "not in every release" in capsys.readouterr().out
    (tmp_path / "broken.json").write_text("{")
    assert main(["topics", "--topics", str(tmp_path)]) == Exit.FAILED
    assert "broken.json" in capsys.readouterr().err
    assert main(["topics", "--topics", str(tmp_path / "none")]) == Exit.USAGE


def test_a_topic_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "show", "gone"]) == Exit.USAGE
    assert main(["topics", "show"]) == Exit.USAGE
    assert "topics show NAME" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("fhir-hub ")
