"""Bodies of requests and answers as XML.

Source: http://hl7.org/fhir/http.html#mime-type.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hub.codecs.xml_reader import read_xml
from hub.codecs.xml_writer import write_xml
from hub.core.json_text import Document
from hub.core.release import FhirRelease
from hub.web.call import Answer
from hub.web.limits import Limits


async def read_xml_body(body: bytes, release: FhirRelease, limits: Limits) -> Document:
    """Read a resource as its JSON would be read.

    Raises:
        MalformedXml, InvalidResource: it is none.
    """
    if len(body) < limits.xml_apart:
        return read_xml(body, release)
    return await asyncio.to_thread(read_xml, body, release)


async def in_xml(
    answer: Answer, release: FhirRelease, limits: Limits, *, is_pretty: bool
) -> Answer:
    """Return an answer with its body as XML."""
    body = answer.body
    if body is None:
        return answer
    if len(body) < limits.xml_apart:
        return replace(answer, body=write_xml(body, release, is_pretty=is_pretty))
    written = await asyncio.to_thread(write_xml, body, release, is_pretty=is_pretty)
    return replace(answer, body=written)
