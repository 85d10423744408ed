"""The command line: one module for each command.

Rules of this floor:

- ``arguments`` says what people can type and needs only argparse; each other module is imported
  when its command runs, so that ``--help`` answers in a blink.
- A command module has ``run(arguments) -> int``, which returns the exit code.
- stdout carries data, stderr carries talk; ``--format json`` has documented fields.
- ``watch``, ``subs``, ``receiver`` and the story are clients: they know the hub by its public HTTP
  interface only, and work against any server that follows the backport guide.
- What goes wrong is a ``CommandError`` with one line of text and the exit code.

Reading order: ``arguments``, ``exits`` (exit codes), ``running`` (signals), ``terminal`` (colours,
columns), ``arrival`` (what a notification says), ``sequence`` and ``follower`` (numbers and gaps),
``request`` (a Subscription to ask for), ``client`` (the HTTP half), then the commands; ``demo``
plays ``story``, whose endpoint is that of ``receiver``, and ``clients`` lists who may call a hub.
"""
