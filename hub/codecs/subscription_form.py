"""A Subscription as a form has it: the elements of R5 by name, each a text as somebody typed it.

``filterBy`` and ``parameter`` are lists of objects of such texts; an empty text is an absent one.
What is made of it can be written in every release.

Source: http://hl7.org/fhir/R5/subscription.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from hub.codecs.subscription import (
    DEFAULT_CONTENT_TYPE,
    DEFAULT_EMAIL_TYPE,
    read_all,
    read_channel,
    read_content,
    read_instant,
    read_max_count,
    read_seconds,
    read_topic,
)
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Json
from hub.core.search_parameter import ANY_RESOURCE
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.topic import bare_type
from hub.errors import FilterInvalid, HeaderNotAllowed, InvalidResource, TopicUnknown

T = TypeVar("T")

TEXTS: Final = (
    "topic",
    "channelType",
    "endpoint",
    "content",
    "contentType",
    "heartbeatPeriod",
    "timeout",
    "maxCount",
    "end",
)
LISTS: Final = {
    "filterBy": ("resourceType", "filterParameter", "comparator", "modifier", "value"),
    "parameter": ("name", "value"),
}
"""The fields of a form, and what the objects in a list of it hold."""

_PATH: Final = "Subscription"
_integer = re.compile(r"[0-9]{1,12}")
_parameter_name = re.compile(r"[A-Za-z_][A-Za-z0-9_:.\-]*")
_control = re.compile(r"[\x00-\x1f\x7f]")
_blank = re.compile(r"[\s:]")


def read_form(form: Json, refusals: Refusals) -> Subscription:
    """Read a form as far as it can be honoured in any release; it is about R5.

    What is refused is gathered, with R5 elements as expressions; a default stands in its place.

    Raises:
        InvalidResource: it is no form: a field is unknown, or not of its type.
    """
    fields = _checked(form)
    take = refusals.take

    def text(name: str, read: Callable[[str, str], T], absent: T) -> T:
        written = fields.get(name, "").strip()
        if not written:
            return absent
        return take(partial(read, written, f"{_PATH}.{name}"), absent)

    channel = text(
        "channelType", lambda code, path: read_channel(code, None, path), ChannelType.REST_HOOK
    )
    is_mail = channel is ChannelType.EMAIL
    nothing: timedelta | None = None
    return Subscription(
        release=FhirRelease.R5,
        id="",
        status=SubscriptionStatusCode.REQUESTED,
        topic=take(lambda: _topic(fields.get("topic", "").strip()), ""),
        channel_type=channel,
        endpoint=text("endpoint", lambda url, _: url, "") or None,
        content=text("content", read_content, PayloadContent.ID_ONLY),
        content_type=text(
            "contentType", lambda kind, _: kind, DEFAULT_EMAIL_TYPE if is_mail else ""
        )
        or DEFAULT_CONTENT_TYPE,
        filter_by=read_all(_filter, fields.get("filterBy", []), refusals),
        parameter=read_all(_header, fields.get("parameter", []), refusals),
        heartbeat_period=text("heartbeatPeriod", _seconds, nothing),
        timeout=text("timeout", _seconds, nothing),
        max_count=text("maxCount", lambda n, path: read_max_count(_number(n), path), None),
        end=text("end", read_instant, None),
    )


def _checked(form: Json) -> dict[str, Json]:
    """Return the form if it is one."""
    if not isinstance(form, dict):
        raise InvalidResource("a form is a JSON object", expression=_PATH)
    for name, value in form.items():
        path = f"{_PATH}.{name[:64]}"
        if name in LISTS:
            if not isinstance(value, list):
                raise InvalidResource(f"{path} must be a list", expression=path)
            for index, each in enumerate(value):
                _check_texts(each, LISTS[name], f"{path}[{index}]")
        elif name not in TEXTS:
            allowed = ", ".join((*TEXTS, *LISTS))
            raise InvalidResource(f"{path} is no field; allowed: {allowed}", expression=path)
        elif not isinstance(value, str):
            raise InvalidResource(f"{path} must be a text", expression=path)
    return form


def _check_texts(value: Json, names: tuple[str, ...], path: str) -> None:
    if not isinstance(value, dict):
        raise InvalidResource(f"{path} must be an object", expression=path)
    for name, text in value.items():
        if name not in names or not isinstance(text, str):
            raise InvalidResource(
                f"{path} holds texts only; allowed: {', '.join(names)}", expression=path
            )


def _topic(text: str) -> str:
    if not text:
        raise TopicUnknown("a topic must be chosen", expression=f"{_PATH}.topic")
    return read_topic(text, f"{_PATH}.topic")


def _filter(index: int, fields: dict[str, str]) -> FilterBy:
    path = f"{_PATH}.filterBy[{index}]"
    name, value = fields.get("filterParameter", "").strip(), fields.get("value", "").strip()
    if not _parameter_name.fullmatch(name):
        raise FilterInvalid("a filter needs a parameter", expression=path)
    if not value or _control.search(value):
        raise FilterInvalid(f"the filter {name} has no usable value", expression=path)
    written = fields.get("resourceType", "").strip()
    kind = bare_type(written) if written else None
    if written and kind is None:
        raise FilterInvalid(f"{written!r} is no resource type", expression=path)
    comparator, modifier = fields.get("comparator") or None, fields.get("modifier") or None
    if comparator is not None and modifier is not None:
        raise FilterInvalid(
            f"the filter {name} has a comparator and a modifier; one is allowed", expression=path
        )
    return FilterBy(
        filter_parameter=name,
        value=value,
        resource_type=None if kind == ANY_RESOURCE else kind,
        comparator=comparator,
        modifier=modifier,
    )


def _header(index: int, fields: dict[str, str]) -> tuple[str, str]:
    path = f"{_PATH}.parameter[{index}]"
    name, value = fields.get("name", "").strip(), fields.get("value", "").strip()
    if not name or _blank.search(name):
        raise HeaderNotAllowed(
            "a header needs a name, without colon or space", expression=f"{path}.name"
        )
    if not value:
        raise HeaderNotAllowed("a header needs a value", expression=f"{path}.value")
    return name, value


def _seconds(text: str, path: str) -> timedelta | None:
    return read_seconds(_number(text), path)


def _number(text: str) -> Json:
    """Return a whole number, or the text where it is none; who reads it refuses that."""
    return int(text) if _integer.fullmatch(text) else text
