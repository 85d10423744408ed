"""The core: values in, values out.

No input or output, no clock, no luck, no database, no web.  What is decided here is decided once,
when a change is written, and can be tested without waiting for anything.

Reading order: ``release``, ``json_text``, ``version``, ``change``; ``subscription``, ``numbering``,
``timing``, ``notification``, ``message``, ``delivery``; ``search_parameter``, ``search``,
``search_index``; ``topic``, ``fhirpath``, ``trigger``, ``compiled_topic``, ``filters``,
``classic_criteria``, ``filter_index``, ``registry``.
"""
