from __future__ import annotations

import shutil
from datetime import timedelta
from importlib import resources
from ipaddress import ip_network
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.related_query import Coding
from hub.process_settings import allowed_cores, usable_cores, usual_processes
from hub.settings import (
    OPTIONS,
    Settings,
    SettingsError,
    default_public_url,
    is_loopback,
    packaged_topics,
    parse_duration,
    read_settings,
    read_token,
)


def test_without_anything_the_hub_listens_on_loopback_and_sends_nowhere_private() -> None:
    settings = read_settings({}, {})
    assert (settings.host, settings.port, settings.db) == ("127.0.0.1", 8080, Path("fhir-hub.db"))
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.egress_allow == () and not settings.allow_http and not settings.insecure
    assert settings.retain_events == timedelta(days=30)
    assert settings.topics == (packaged_topics(),)


def test_each_option_is_a_field_with_a_flag_and_a_variable() -> None:
    for option in OPTIONS:
        assert option.name in Settings.__dataclass_fields__
        assert option.flag.startswith("--") and option.help
        assert option.variable.startswith("HUB_")
    assert len({option.variable for option in OPTIONS}) == len(OPTIONS)
    assert {option.name for option in OPTIONS} == set(Settings.__dataclass_fields__)


def test_variables_say_what_flags_say() -> None:
    environ = {
        "HUB_HOST": "localhost",
        "HUB_PORT": "9000",
        "HUB_DB": "other.db",
        "HUB_PUBLIC_URL": "https://hub.example.org/",
        "HUB_EGRESS_ALLOW": "10.0.0.0/8, fd00::/8",
        "HUB_ALLOW_HTTP": "yes",
        "HUB_CORS_ORIGIN": "https://App.example.org/,loopback",
        "HUB_RETRY_SCHEDULE": "0.5s,1s,2m",
        "HUB_GIVE_UP_AFTER": "1h",
        "HUB_RETAIN_EVENTS": "3d",
        "HUB_MAX_BODY": "512k",
        "HUB_LOG_LEVEL": "Warning",
        "HUB_INSECURE": "no",
        "HUB_MESSAGE_EVENT": "http://example.org/events#told",
    }
    flags: dict[str, str | bool | list[str] | None] = {
        "host": "localhost",
        "port": "9000",
        "db": "other.db",
        "public_url": "https://hub.example.org/",
        "egress_allow": ["10.0.0.0/8", "fd00::/8"],
        "allow_http": True,
        "cors_origins": ["https://App.example.org/", "loopback"],
        "retry_schedule": ["0.5s,1s,2m"],
        "give_up_after": "1h",
        "retain_events": "3d",
        "max_body": "512k",
        "log_level": "Warning",
        "insecure": False,
        "message_event": "http://example.org/events#told",
    }
    settings = read_settings({}, environ)
    assert settings == read_settings(flags, {})
    assert settings.public_url == "https://hub.example.org"
    assert settings.egress_allow == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.cors_origins == ("https://app.example.org", "loopback")
    assert settings.retry_schedule == (
        timedelta(seconds=0.5),
        timedelta(seconds=1),
        timedelta(minutes=2),
    )
    assert settings.max_body == 512 * 1024 and settings.log_level == "warning"
    assert settings.message_event == ("http://example.org/events", "told")


def test_a_flag_wins_over_its_variable() -> None:
    assert read_settings({"port": "9001"}, {"HUB_PORT": "9000"}).port == 9001


def test_a_switch_that_was_not_given_leaves_the_word_to_its_variable() -> None:
    assert read_settings({"allow_http": False}, {"HUB_ALLOW_HTTP": "1"}).allow_http


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_settings({}, {"HUB_PORT": ""}).port == 8080


def test_an_unknown_variable_is_an_error_that_names_near_ones() -> None:
    with pytest.raises(SettingsError, match=r"HUB_EGRESS_ALOW is no setting.*HUB_EGRESS_ALLOW"):
        read_settings({}, {"HUB_EGRESS_ALOW": "10.0.0.0/8"})
    with pytest.raises(SettingsError, match="HUB_QQQQQ is no setting; see"):
        read_settings({}, {"HUB_QQQQQ": "1"})


def test_other_variables_are_left_alone() -> None:
    environ = {"HUB_REFERENCE_DATA": "/data", "GITHUB_TOKEN": "x", "PORT": "1"}
    assert read_settings({}, environ) == read_settings({}, {})


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "http"),
        ("port", "²"),
        ("host", " "),
        ("host", "a b"),
        ("public_url", "hub.example.org"),
        ("public_url", "https://user:secret@hub.example.org"),
        ("public_url", "https://hub.example.org/?a=b"),
        ("public_url", "https://[oops"),
        ("egress_allow", "10.0.0.1/8"),
        ("egress_allow", "example.org"),
        ("cors_origins", "*"),
        ("cors_origins", "https://example.org/path"),
        ("retry_schedule", "5s,soon"),
        ("give_up_after", "0s"),
        ("retain_events", "-1d"),
        ("retain_events", f"{'9' * 400}d"),
        ("max_body", "10"),
        ("max_body", "much"),
        ("log_level", "loud"),
        ("topics", "/no/such/directory"),
        ("message_event", "told"),
        ("message_event", "events#told"),
        ("message_event", "http://example.org/events#"),
        ("message_event", "http://example.org/events#a#b"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_naming_flag_or_variable(
    flag: str, value: str
) -> None:
    option = next(option for option in OPTIONS if option.name == flag)
    with pytest.raises(SettingsError, match=f"^{option.flag}: "):
        read_settings({flag: value}, {})
    with pytest.raises(SettingsError, match=f"^{option.variable}: "):
        read_settings({}, {option.variable: value})


def test_a_switch_variable_must_be_true_or_false() -> None:
    with pytest.raises(SettingsError, match="HUB_INSECURE: 'maybe' is no switch"):
        read_settings({}, {"HUB_INSECURE": "maybe"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "hub.example.org"])
def test_a_host_that_others_reach_is_refused_with_the_reason_unless_insecure(host: str) -> None:
    with pytest.raises(SettingsError, match=r"asks nobody who they are.*--insecure"):
        read_settings({"host": host}, {})
    assert read_settings({"host": host, "insecure": True}, {}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
def test_a_loopback_host_needs_no_word_more(host: str) -> None:
    assert is_loopback(read_settings({"host": host}, {}).host)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:81"),
        ("localhost", "http://localhost:81"),
        ("::1", "http://[::1]:81"),
        ("0.0.0.0", "http://127.0.0.1:81"),
        ("::", "http://[::1]:81"),
    ],
)
def test_the_public_url_is_how_this_machine_reaches_the_hub(host: str, url: str) -> None:
    assert default_public_url(host, 81) == url


def test_directories_of_topics_come_after_the_packaged_one(tmp_path: Path) -> None:
    assert read_settings({"topics": [str(tmp_path)]}, {}).topics == (packaged_topics(), tmp_path)


def test_the_packaged_topics_are_there() -> None:
    assert (packaged_topics() / "task-requested" / "topic.json").is_file()


def test_topics_inside_the_package_are_taken_before_those_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hub"
    shutil.copytree(packaged_topics(), package / "topics")
    monkeypatch.setattr(resources, "files", lambda _: package)
    assert packaged_topics() == package / "topics"


@given(
    st.integers(1, 10_000),
    st.sampled_from(
        [
            ("ms", timedelta(milliseconds=1)),
            ("s", timedelta(seconds=1)),
            ("m", timedelta(minutes=1)),
            ("h", timedelta(hours=1)),
            ("d", timedelta(days=1)),
        ]
    ),
)
def test_a_duration_is_its_number_of_units(number: int, unit: tuple[str, timedelta]) -> None:
    name, size = unit
    assert parse_duration(f"{number}{name}") == number * size
    assert parse_duration(f" {number}.5 {name} ") == (number + 0.5) * size


def test_the_administrators_token_is_read_from_a_file_of_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"  {'a' * 32}\n")
    path.chmod(0o600)
    settings = read_settings({"admin_token_file": str(path)}, {})
    assert settings.admin_token_file == path
    assert read_settings({}, {"HUB_ADMIN_TOKEN_FILE": str(path)}) == settings
    assert read_token(path) == "a" * 32
    assert read_settings({}, {}).admin_token_file is None
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(SettingsError, match=r"--admin-token-file.*chmod 600"):
            read_settings({"admin_token_file": str(path)}, {})


@pytest.mark.parametrize(
    "held", [b"", b"short", b"a" * 31, b"a b" * 20, b"\xff" * 40, b"a" * 2000, b"a" * 40 + b"\nb"]
)
def test_what_is_no_token_is_refused_and_never_shown(held: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(held)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="must hold one token of 32 to 1024") as told:
        read_token(path)
    assert not held or held.decode("latin-1") not in str(told.value)


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        read_token(tmp_path / "none")


def test_the_type_of_authorization_is_a_system_and_a_code() -> None:
    given = {"authorization_hint": "http://example.org/auth|authorization_base"}
    expected = Coding("http://example.org/auth", "authorization_base")
    assert read_settings(given, {}).authorization_hint == expected
    assert read_settings({}, {}).authorization_hint is None
    for wrong in ("authorization_base", "http://example.org/auth|", "|x", "auth|x", "a:b|c|d"):
        with pytest.raises(SettingsError, match=r"--authorization-hint.*SYSTEM\|CODE"):
            read_settings({"authorization_hint": wrong}, {})


@pytest.mark.parametrize("cores", [0.5, 1, 1.5, 2, 64])
def test_a_hub_is_three_processes_where_there_are_cores_for_them(cores: float) -> None:
    assert usual_processes(cores) == (1 if cores < 2 else 3)
    assert read_settings({}, {}).processes == usual_processes(usable_cores())


@pytest.mark.parametrize(
    ("said", "cores"),
    [
        ("max 100000", inf),
        ("100000 100000", 1),
        ("250000 100000", 2.5),
        ("50000 100000", 0.5),
        ("", inf),
    ],
)
@pytest.mark.parametrize("group", ["", "system.slice/hub.service"])
def test_a_container_that_may_use_one_core_has_one(
    tmp_path: Path, group: str, said: str, cores: float
) -> None:
    named = tmp_path / "cgroup"
    named.write_text(f"1:name=other:/elsewhere\n0::/{group}\n")
    (tmp_path / "groups" / group).mkdir(parents=True)
    assert allowed_cores(named, tmp_path / "groups") == inf
    (tmp_path / "groups" / group / "cpu.max").write_text(f"{said}\n")
    assert allowed_cores(named, tmp_path / "groups") == cores
    assert allowed_cores(tmp_path / "none", tmp_path / "groups") == inf


def test_processes_are_a_number_from_one_to_three() -> None:
    assert read_settings({"processes": "2"}, {"HUB_PROCESSES": "3"}).processes == 2
    assert read_settings({}, {"HUB_PROCESSES": "1"}).processes == 1
    for wrong in ("0", "4", "two", "-1", "1.0", ""):
        with pytest.raises(SettingsError, match=r"--processes: .* write 1, 2 or 3"):
            read_settings({"processes": wrong}, {})
