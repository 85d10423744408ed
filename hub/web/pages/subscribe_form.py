"""The form of ``/subscribe`` in HTML, without data; its script fills it in.

Each field has the name of the R5 element that it is for, and a place for what is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, PayloadContent

_CHANNELS: Final = {
    ChannelType.REST_HOOK: "the hub posts to your endpoint",
    ChannelType.WEBSOCKET: "you connect, the hub sends",
    ChannelType.EMAIL: "a mail to a person",
    ChannelType.MESSAGE: "a FHIR message to $process-message",
}
_CONTENTS: Final = {
    PayloadContent.EMPTY: "nothing but that something happened",
    PayloadContent.ID_ONLY: "which resource",
    PayloadContent.FULL_RESOURCE: "the resource itself",
}
_NUMBER: Final = " inputmode='numeric'"


def subscribe_form() -> str:
    """Write the form."""
    what = (
        _field("topic", "Topic", "<select {at}></select>", "<p class='soft' id='about'></p>")
        + "<div class='field' role='group' aria-label='Filters'><span class='label'>Filters</span>"
        "<p class='said' id='filterBy-said'></p>"
        "<div class='filters' id='field-filterBy'></div></div>"
    )
    more = (
        _text("heartbeatPeriod", "Heartbeat", "seconds of silence, then the hub says it is there")
        + _text("timeout", "Timeout", "seconds that you may take to answer, 120 at most")
        + _text("maxCount", "Events at once", "at most so many in one notification")
        + _text("contentType", "MIME type", "", " list='types' spellcheck='false'")
        + "<datalist id='types'></datalist>"
        + _text("end", "Ends", "such as 2030-01-31T12:00:00Z; never if empty", "")
    )
    how = (
        _choices("channelType", "Channel", ((each.value, _CHANNELS[each]) for each in ChannelType))
        + _field("endpoint", "Endpoint", "<input type='text' inputmode='url' {at}>", _OWN)
        + "<div class='field' role='group' aria-label='Headers'><span class='label'>Headers</span>"
        "<div id='field-parameter'></div><p class='said' id='parameter-said'></p>"
        "<button type='button' class='plain' id='header'>Add a header</button></div>"
        + _choices("content", "Content", ((each.value, _CONTENTS[each]) for each in PayloadContent))
        + f"<details id='more'><summary>Heartbeat, timeout, batches, format, end</summary>{more}"
        "</details>"
    )
    panels = "".join(
        f"<section class='panel' data-release='{each.path}' aria-label='{each}'></section>"
        for each in FhirRelease
    )
    return (
        "<form id='form' class='create' novalidate autocomplete='off'>"
        "<fieldset class='all' id='all' disabled><div class='ask'>"
        f"<fieldset><legend>What</legend>{what}</fieldset>"
        f"<fieldset><legend>How</legend>{how}</fieldset></div><div class='decide'>"
        f"<fieldset><legend>Release</legend>{''.join(map(_release, FhirRelease))}</fieldset>"
        "<p class='verdict' id='verdict' role='status'></p>"
        "<button id='create'>Create</button></div>"
        f"<div class='forms'>{panels}</div></fieldset></form>"
    )


_OWN: Final = "<p class='hint' id='own'></p>"


def _field(name: str, label: str, control: str, more: str = "") -> str:
    at = f"id='field-{name}' aria-describedby='{name}-hint {name}-said'"
    return (
        f"<div class='field'><label for='field-{name}'>{label}</label>{control.format(at=at)}{more}"
        f"<p class='said' id='{name}-said'></p></div>"
    )


def _text(name: str, label: str, hint: str, attributes: str = _NUMBER) -> str:
    told = f"<p class='soft hint' id='{name}-hint'>{hint}</p>" if hint else ""
    return _field(name, label, f"<input type='text'{attributes} {{at}}>", told)


def _choices(name: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    inside = "".join(
        f"<label><input type='radio' name='{name}' value='{value}'> {value} "
        f"<span class='soft'>{words}</span></label>"
        for value, words in options
    )
    return (
        f"<div class='field choices' id='field-{name}' role='radiogroup' aria-label='{label}' "
        f"aria-describedby='{name}-said'><span class='label'>{label}</span>{inside}"
        f"<p class='said' id='{name}-said'></p></div>"
    )


def _release(release: FhirRelease) -> str:
    return (
        f"<label><input type='radio' name='release' value='{release.path}'> {release} "
        f"<span id='sign-{release.path}'></span></label>"
    )
