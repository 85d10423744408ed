"""The standard, item by item: each test proves one item of the checklist on a running hub.

``scripts/conformance`` prints them as a table.  What a server can't be tested for, and what the
hub does not offer, stands in ``without_test.json`` with its reason.
"""
