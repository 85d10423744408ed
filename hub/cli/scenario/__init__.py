"""``fhir-hub scenario``: the order workflows of the sources, played by actors over real sockets.

One file per pattern (``p13_...``); a file reads like the text of the pattern.
Sources: Clinical Order Workflows guide (COW); http://hl7.org/fhir/R4/workflow-management.html and
workflow-ad-hoc.html.
"""

from hub.cli.scenario.command import run

__all__ = ["run"]
