"""Where the hub keeps everything: resources, streams, Subscriptions, topics, attempts.

Rules of this floor:

- One commit writes everything that belongs together, or nothing.  What ``commit`` has returned
  from survives a crash of the process and of the machine.
- One thread writes.  Only the connection that writes also checkpoints; readers never do, and a
  read is over before anything else is awaited.
- One process has the database.  A lock file beside it refuses the second.
- Nothing in memory changes before the COMMIT has returned.
- A full disk refuses writes and heals.  An I/O error at commit says nothing about what is on the
  disk, so the process must stop (``StoreBroken``).
- The body of a version is stored once, in the log.  Everything else points to it.  Log rows are
  never removed in this release.
- Header values of Subscriptions are written encrypted, never in clear.

Reading order: ``schema`` (the tables; ``schema.sql`` is made of it), ``encoding`` (values in
columns), ``postings`` (the search index), ``sqlite_reader``, ``sqlite_writer``,
``sqlite_deliveries``, ``sqlite_database`` (the open file), ``sqlite`` (the store); ``memory`` is
the same without a disk.
"""
