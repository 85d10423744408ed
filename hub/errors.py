"""Every way in which the hub says no.

One small tree.  Each class is one refusal with a stable ``slug`` (what ``fhir-hub errors SLUG``
explains, sent as ``OperationOutcome.issue.details.coding.code``), the FHIR issue type ``code``,
and the HTTP ``status`` with which the web floor answers.  The class docstring is the explanation
that people read, ``hint`` what they can do about it, ``challenge`` how a caller says who it is.

A failed delivery is not here: it is a value (``hub.core.delivery.Failed``).  Any exception that is
not a ``HubError`` is a bug and becomes a 500.

Source: http://hl7.org/fhir/issue-type.html (codes of ``OperationOutcome.issue.code``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One line of an OperationOutcome: FHIR issue type, words, and the element it is about.

    ``slug`` and ``hint`` are empty where they are the error's; ``r5_element`` names it in R5.
    """

    code: str
    diagnostics: str
    expression: str | None = None
    severity: str = "error"
    slug: str = ""
    hint: str = ""
    r5_element: str | None = field(default=None, compare=False)


class HubError(Exception):
    """Something was asked for that the hub refuses."""

    slug: ClassVar[str] = "refused"
    code: ClassVar[str] = "processing"
    status: ClassVar[int] = 400
    hint: ClassVar[str] = ""
    challenge: ClassVar[str] = ""

    def __init__(
        self,
        diagnostics: str,
        *,
        expression: str | None = None,
        issues: Iterable[Issue] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.expression = expression
        self.retry_after = retry_after
        self.issues: tuple[Issue, ...] = tuple(issues) or (
            Issue(self.code, diagnostics, expression),
        )


class MalformedJson(HubError):
    """The body is not one JSON object that FHIR allows."""

    slug, code, status = "malformed-json", "structure", 400
    hint = "Send one JSON object in UTF-8, no duplicate keys, no NaN, nested at most 64 deep."


class MalformedXml(HubError):
    """The body is not one XML document that FHIR allows."""

    slug, code, status = "malformed-xml", "structure", 400
    hint = "Send well-formed XML in UTF-8, no document type, nested at most 64 deep."


class InvalidResource(HubError):
    """The resource does not follow the definition of its type in this release."""

    slug, code, status = "invalid-resource", "structure", 400
    hint = "Compare the named element with the resource's page in this release of FHIR."


class InvalidValue(HubError):
    """A value in the request is not of the form that FHIR defines for it."""

    slug, code, status = "invalid-value", "value", 400
    hint = "Correct the value that the message names."


class InvalidSearch(HubError):
    """A search parameter, modifier or value can't be evaluated."""

    slug, code, status = "invalid-search", "not-supported", 400
    hint = "GET {base}/metadata lists the search parameters of each type."


class InvalidSearchValue(InvalidSearch):
    """A search parameter is evaluated, but its value is not of the form that it takes."""

    slug, code = "invalid-search-value", "value"
    hint = "Correct the value; the message names what is allowed."


class UnresolvedReference(HubError):
    """A reference inside a transaction names nothing in it and nothing stored."""

    slug, code, status = "unresolved-reference", "not-found", 400
    hint = "Give the entry a fullUrl of the form urn:uuid:... and refer to exactly that."


class TooLarge(HubError):
    """The request is larger than the hub accepts."""

    slug, code, status = "too-large", "too-long", 413
    hint = "Split the request."


class TooManyEntries(HubError):
    """The Bundle has more entries than the hub accepts."""

    slug, code, status = "too-many-entries", "too-costly", 413
    hint = "Split the Bundle into several."


class MediaTypeNotSupported(HubError):
    """The Content-Type of the request is none that the hub reads."""

    slug, code, status = "media-type-not-supported", "not-supported", 415
    hint = "Send a Content-Type that the message names."


class NotAcceptable(HubError):
    """The hub can't answer in the format that was asked for."""

    slug, code, status = "not-acceptable", "not-supported", 406
    hint = "Accept application/fhir+json."


class MethodNotAllowed(HubError):
    """The interaction is not offered here."""

    slug, code, status = "method-not-allowed", "not-supported", 405
    hint = "GET {base}/metadata lists what is offered."


class NotFound(HubError):
    """There is nothing at this address."""

    slug, code, status = "not-found", "not-found", 404
    hint = "GET / lists the bases, GET {base}/metadata their resource types."


class Deleted(HubError):
    """The resource was deleted; its history is still there."""

    slug, code, status = "deleted", "deleted", 410
    hint = "GET {base}/{type}/{id}/_history shows its versions; PUT creates it again."


class Expired(HubError):
    """What was asked for existed once and is no longer kept."""

    slug, code, status = "expired", "expired", 410
    hint = "Start from the number that the message names and read the resources anew."


class VersionConflict(HubError):
    """If-Match names a version that is not the current one: somebody was faster."""

    slug, code, status = "version-conflict", "conflict", 412
    hint = "Read the resource again and decide anew."


class VersionRequired(HubError):
    """If-Match is missing: this hub lets nobody change such a resource blindly."""

    slug, code, status = "version-required", "required", 428
    hint = "Read the resource; send its ETag as If-Match, in a Bundle as request.ifMatch."


class MultipleMatches(HubError):
    """If-None-Exist found more than one resource."""

    slug, code, status = "multiple-matches", "multiple-matches", 412
    hint = "Use a criterion that identifies one resource, such as an identifier."


class Conflict(HubError):
    """The request contradicts the state of the resource."""

    slug, code, status = "conflict", "conflict", 409
    hint = "Read the resource again and decide anew."


class Unauthorized(HubError):
    """The bearer token is none that the hub knows."""

    slug, code, status = "unauthorized", "login", 401
    hint = "Send a token of --clients or --admin-token-file."
    challenge = 'Bearer realm="fhir-hub", error="invalid_token"'


class AuthenticationRequired(HubError):
    """The hub asks who calls, and the request does not say so."""

    slug, code, status = "authentication-required", "login", 401
    hint = "Send `Authorization: Bearer TOKEN`; `fhir-hub client new NAME` makes a token."
    challenge = 'Bearer realm="fhir-hub"'


class TokenInQuery(HubError):
    """A token stands in the query of the address, where logs and histories keep it."""

    slug, code, status = "token-in-query", "security", 400
    hint = "Send it in the header Authorization, and a new one: this one may have been kept."
    challenge = 'Bearer realm="fhir-hub", error="invalid_request"'


class Forbidden(HubError):
    """The caller may not do this."""

    slug, code, status = "forbidden", "forbidden", 403
    hint = "Ask the hub's administrator for the right."


class Unprocessable(HubError):
    """The request is well-formed, but a rule of the hub speaks against it."""

    slug, code, status = "unprocessable", "business-rule", 422
    hint = "Change the element that the message names."


class TransitionNotAllowed(Unprocessable):
    """The Task may not move to this status: the hub's --task-guard speaks against it."""

    slug, code = "transition-not-allowed", "business-rule"
    hint = "Choose a status that the message names; the hub's administrator sets the table."


class TaskReserved(Unprocessable):
    """What the write does to the Task is up to somebody else: the hub's --task-guard says so."""

    slug, code = "task-reserved", "business-rule"
    hint = "Leave it to whom the message names; the hub's administrator sets the table."


class SubscriptionRefused(Unprocessable):
    """The hub would not honour this Subscription, so it does not accept it."""

    slug, code = "subscription-refused", "business-rule"
    hint = "Change the element that the message names to what it allows."


class TopicUnknown(SubscriptionRefused):
    """The Subscription names a topic that the hub does not have in this release."""

    slug, code = "topic-unknown", "not-supported"
    hint = (
        "`fhir-hub topics` lists the topics; so does GET {base}/SubscriptionTopic, "
        "in R4 GET {base}/Basic?code=SubscriptionTopic."
    )


class TopicNotActive(SubscriptionRefused):
    """The topic is a draft or retired and takes no new Subscriptions."""

    slug, code = "topic-not-active", "business-rule"
    hint = "Subscribe to an active topic or version."


class TopicRefused(Unprocessable):
    """The topic has a clause that the hub can't evaluate."""

    slug, code = "topic-refused", "not-supported"
    hint = "Rewrite the clause that the message names."


class FilterNotAllowed(SubscriptionRefused):
    """The filter is none that the topic offers (canFilterBy) in this release."""

    slug, code = "filter-not-allowed", "not-supported"
    hint = "`fhir-hub topics show NAME` lists a topic's filters."


class FilterInvalid(SubscriptionRefused):
    """The filter or its value can't be read."""

    slug, code = "filter-invalid", "value"
    hint = "Write [type?]parameter[:modifier]=value[,value]."


class FiltersTooCostly(SubscriptionRefused):
    """There are more filters than one Subscription may have, or one of them is too long."""

    slug, code = "filters-too-costly", "too-costly"
    hint = "Write alternatives as one filter with commas; use :in for many codes."


class CriteriaInvalid(SubscriptionRefused):
    """The criteria are neither a topic's canonical URL nor a search that the hub can evaluate."""

    slug, code = "criteria-invalid", "not-supported"
    hint = "Write a topic's canonical URL, or a search: Type?parameter[:modifier]=value[,value]."


class NotTopicBased(Unprocessable):
    """What was asked for exists only for Subscriptions to a topic, and this one is to a search."""

    slug, code = "not-topic-based", "not-supported"
    hint = "Numbers, $status and $events need a topic as criteria; `fhir-hub topics` lists them."


class ChannelNotSupported(SubscriptionRefused):
    """The hub can't deliver over this channel."""

    slug, code = "channel-not-supported", "not-supported"
    hint = "Use a channel that the message names."


class EndpointInvalid(SubscriptionRefused):
    """The endpoint is no address that this channel can use."""

    slug, code = "endpoint-invalid", "value"
    hint = "Write an https URL without user or fragment; for email one as mailto:ward@example.org."


class EndpointNotAllowed(SubscriptionRefused):
    """The hub's settings do not let it send to this endpoint."""

    slug, code = "endpoint-not-allowed", "business-rule"
    hint = "`serve --egress-allow`, `--allow-http`, for mail `--email-domain` widen it."


class HeaderNotAllowed(SubscriptionRefused):
    """A header that the Subscription asks for can't be sent."""

    slug, code = "header-not-allowed", "value"
    hint = (
        'Write "Name: value"; framing headers, Host and Content-Type are the hub\'s own. '
        "An email takes Subject and X- headers."
    )


class ContentNotSupported(SubscriptionRefused):
    """The content level is missing or none of empty, id-only, full-resource."""

    slug, code = "content-not-supported", "not-supported"
    hint = "Choose empty, id-only or full-resource."


class ContentNotAllowed(SubscriptionRefused):
    """The hub's settings do not let this channel carry so much of a resource."""

    slug, code, status = "content-not-allowed", "forbidden", 403
    hint = "Choose id-only or empty; `fhir-hub serve --email-content LEVEL` widens what is allowed."


class PayloadNotSupported(SubscriptionRefused):
    """The MIME type or FHIR version of the payload is none that the hub sends."""

    slug, code = "payload-not-supported", "not-supported"
    hint = "Use application/fhir+json; for email text/plain or text/html, with attach= or without."


class ExtensionNotAllowed(SubscriptionRefused):
    """A cross-version extension stands where the backport guide has an element of its own."""

    slug, code = "extension-not-allowed", "not-supported"
    hint = "Use the extensions of http://hl7.org/fhir/uv/subscriptions-backport."


class TopicExtensionNotAllowed(ExtensionNotAllowed):
    """An extension for Subscriptions to a topic stands in one whose criteria are a search."""

    slug, code = "topic-extension-not-allowed", "not-supported"
    hint = "Put the canonical URL of a topic into criteria, or leave the extension out."


class Unavailable(HubError):
    """The hub can't take the request now; nothing was changed."""

    slug, code, status = "unavailable", "transient", 503
    hint = "Try again after the time in Retry-After."


class StoreFull(Unavailable):
    """The disk is full; reads still work."""

    slug, code = "store-full", "no-store"
    hint = "Free disk space; the hub heals by itself."


class RequestTimeout(HubError):
    """The request did not arrive in time."""

    slug, code, status = "request-timeout", "timeout", 408
    hint = "Send the whole request within the deadline."
