"""What a person reads in a mail of a classic Subscription: that something matches its criteria.

Without a payload that is all: neither the resource nor its type is told.  There are no numbers,
and nothing that could be asked for again.
Source: http://hl7.org/fhir/R4/subscription.html (channel email; ``payload``).
"""

from __future__ import annotations

from hub.channels.mail_text import HAPPENED, Letter, Line, greeting, origin, question
from hub.core.classic_notification import ClassicNotification


def write_classic_letter(
    notification: ClassicNotification,
    *,
    base_url: str,
    attached: bool,
    confirm_url: str | None = None,
) -> Letter:
    """Return the words for ``notification``; the arguments are those of ``write_letter``.

    Args:
        attached: whether the resource itself goes with the mail.
    """
    told = notification.resource_type
    if notification.is_event:
        letter = _event(notification, base_url)
    elif confirm_url is not None:
        letter = question(told, confirm_url)
    else:
        letter = greeting(told)
    if attached:
        letter.foot.append("The attached file is the resource itself, in FHIR, for programs.")
    name = notification.subscription_name
    letter.foot.append(origin(base_url, name, administrative=notification.administrative))
    return letter


def _event(notification: ClassicNotification, base_url: str) -> Letter:
    focus = notification.focus
    if focus is None:
        subject = "A FHIR resource matches your criteria"
        lead = (
            "A resource was created or changed, and matches the criteria that you asked for. "
            "Which one it is, and what it says, is not told by mail; look into your system."
        )
        line = Line(None, notification.timestamp, "")
    else:
        subject = f"{notification.resource_type}: a resource matches your criteria"
        lead = "This resource was created or changed, and matches the criteria that you asked for:"
        happened = notification.interaction
        what = focus if happened is None else f"{focus} {HAPPENED[happened]}"
        line = Line(None, notification.timestamp, what, f"{base_url}/{focus}")
    return Letter(subject=subject, heading=subject, lead=[lead], lines=[line])
