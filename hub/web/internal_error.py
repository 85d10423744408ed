"""What is told, and what is logged, of a bug: nothing that was in the request.

The text of an exception may quote what was sent, so only its class and where it arose are logged.
"""

from __future__ import annotations

import logging
import traceback

from hub.core.json_text import dumps
from hub.web.call import Answer

log = logging.getLogger(__name__)


def log_bug(error: BaseException, request_id: str = "-") -> str:
    """Log the class of an exception and its place; return ``request_id``."""
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("request %s failed: %s\n%s", request_id, type(error).__qualname__, places)
    return request_id


def internal_error(request_id: str = "-") -> Answer:
    """Return the answer 500, which leads to the log by the request's id."""
    return Answer(
        status=500,
        body=dumps(
            {
                "resourceType": "OperationOutcome",
                "issue": [
                    {
                        "severity": "fatal",
                        "code": "exception",
                        "diagnostics": (
                            "the hub failed to answer; its log has more under the request id "
                            f"{request_id}"
                        ),
                    }
                ],
            }
        ),
        is_outcome=True,
    )
