"""The longer texts that ``--help`` shows: what a command is for, and examples."""

from __future__ import annotations

from hub.cli.exits import EXIT_TEXT

ABOUT = """\
A FHIR subscription notification hub: durable, gap-free, in order, for R4, R4B and R5.

  fhir-hub demo       a hub with made-up orders, to look at
  fhir-hub serve      a hub on 127.0.0.1:8080 with ./fhir-hub.db
  fhir-hub watch      in another terminal: everything that happens, live
  fhir-hub guide      how-tos, from the first Subscription on"""

WATCH = f"""\
examples:
  fhir-hub watch
  fhir-hub watch --topic task-requested --filter 'owner=Organization/lab'
  fhir-hub watch --count 1 --wait 30s --format json

--format json writes one object for each event:
  schema        1
  number        its number in this Subscription
  focus         Type/id; null where the content is empty
  context       further Type/id
  timestamp     when it was committed
  arrived       when it arrived
  milliseconds  the time between the two
  recovered     true if it was missed first, then fetched or sent again
  state         version and status of the resource, "" where the content is less than full
  subscription  Subscription/id
  status        of the Subscription
  topic         its canonical; null where not told

{EXIT_TEXT}"""

BENCH = """\
benches:
  startup    start to the first answer; memory of an idle hub
  match      one change against 1,000 to 1,000,000 filters
  ingest     writes of all kinds; transactions of 25 Tasks
  e2e        change to rest-hook, 10,000 Subscriptions: rate, CPU, time at half the rate
  fanout     one change for 10 to 10,000 Subscriptions; a tenth of 1,000 endpoints hanging
  websocket  1,000 clients with 3 kB messages; 10,000 idle ones
  search     Tasks by owner and status, among 1,000 to 1,000,000
  restart    100 to 100,000 Subscriptions with 10 undelivered events each
  memory     10,000 Subscriptions, 1 million undelivered events, endpoints down: 10 minutes, once
  growth     how cost grows: match, fanout, search and restart, as a table and with --plot

Without a name all of them run: 40 minutes at most, under 5 with --quick.
A line is the median of its runs, their spread, the target for two cores, and the ceiling: what the
machine does for that step without a hub.  A ratio of 1 would be as good as that.

examples:
  fhir-hub bench --quick
  fhir-hub bench e2e fanout --format json > before.jsonl
  fhir-hub bench e2e fanout --compare before.jsonl
  fhir-hub bench growth --plot growth.svg

--format json writes one object for each figure:
  name     such as e2e.rate, with its size where it has one: search.p99@1000000
  value    the median; low and high are the extremes of the runs
  unit     1/s, ms, us, MB, x (how many times) and so on
  target   what is to be reached, null where there is none; stretch is better still
  ceiling  of the machine, null where there is none
  ratio    how much of the ceiling was reached
  runs     how many

exit codes: 0 done, 1 a bench found its own numbers wrong or did not end in time,
  2 wrong usage, 130 interrupted"""

RECEIVER = f"""\
examples:
  fhir-hub receiver --port 9000
  fhir-hub receiver --fail-first 2              the first two notifications get 503
  fhir-hub receiver --lose 3 --recover          answer #3 with 200 and lose it; fetch it later

Handshakes and heartbeats are always answered well; faults are for event notifications.

{EXIT_TEXT}"""

SERVE = """\
Each flag has an environment variable: --egress-allow is HUB_EGRESS_ALLOW (several values: commas).
A flag wins; an unknown HUB_ variable is an error.  Times are written 500ms, 5s, 2m, 1h, 3d.

--task-guard fhir is FHIR's state machine of Tasks, order the same with roles: its requester asks
and cancels, its owner accepts and does the work.  Any other name is a JSON file such as
  {"rules": [{"code": ["http://hl7.org/fhir/CodeSystem/task-code|fulfill"],
              "profile": ["http://example.org/StructureDefinition/lab-task"],
              "start": ["requested"],
              "transitions": {"requested": [{"to": "accepted", "by": ["owner"]}, "rejected"],
                              "accepted": ["completed"]}}]}
The first rule that is for a Task counts; one that no rule is for goes as it likes.
  code, profile   which Tasks the rule is for, where both are given both must fit (every Task);
                  only an administrator takes them away from a Task
  start           the statuses that a Task may be created with (any)
  transitions     what may follow a status: nothing follows one that is not there; it may stay
  by              who may do that (anybody): requester, owner, performer, recipient, for: whoever
                  acts for whom the Task names there before the write, or, where it names nobody,
                  after it; a party (Organization/lab, SYSTEM|VALUE); administrator, who always may.
                  Nobody else changes the requester, owner, ... that stands there."""

TOPICS = f"""\
  fhir-hub topics                            the topics and where they compute
  fhir-hub topics show task-requested        triggers and filters of one
  fhir-hub topics lint mine/ guide.tgz       what computes in which release, and what can't and why
  fhir-hub topics test mine/                 runs the rows of cases.json beside topic.json
  fhir-hub topics new mine --resource Task   writes mine/topic.json and mine/cases.json
  fhir-hub topics publish --base https://ihe.example/fhir --into ours   all under another base
  fhir-hub topics load mine/ --dry-run       what a hub would say of it
  fhir-hub topics load mine/ --token-file admin.token   publishes it on a running hub

{EXIT_TEXT}"""

EXPLAIN = f"""\
examples:
  fhir-hub explain Task/17
  fhir-hub explain Task/17 --subscription 3f2c       why did this one not hear of it?
  fhir-hub explain --before old.json --after new.json

exit code 0: somebody is told, 1: nobody

{EXIT_TEXT}"""

GUIDE = f"""\
examples:
  fhir-hub guide                   the guides, and the question that each one answers
  fhir-hub guide first-fulfiller   one of them
  fhir-hub guide why               the one that begins like this

A running hub shows them at /guides, too.

{EXIT_TEXT}"""

CLIENT = f"""\
  fhir-hub client new lab --party Organization/lab    a token for lab, shown this once
  fhir-hub client new ops --administrator             one that sees and may do everything
  fhir-hub client list                                who may call
  fhir-hub serve --clients clients.json               asks who calls

The file holds the SHA-256 of each token, no secret; the hub reads it when it starts.  A party is a
reference (Organization/lab) or an identifier (SYSTEM|VALUE); administrative Subscriptions whose
managingEntity it is are shown to the client.  To withdraw a token, take its entry out of the file.

{EXIT_TEXT}"""

PUBLISH = f"""\
examples:
  fhir-hub publish Task-17.json
  fhir-hub publish changes.ndjson --rate 20
  jq -c '.entry[].resource' bundle.json | fhir-hub publish -

{EXIT_TEXT}"""

TRIGGER = f"""\
examples:
  fhir-hub trigger task-requested
  fhir-hub trigger task-completed --override Task.priority=stat
  fhir-hub trigger flood --count 1000 --rate 50
  fhir-hub trigger order-cancelled --dry-run

{EXIT_TEXT}"""

SCENARIO = f"""\
examples:
  fhir-hub scenario list
  fhir-hub scenario run P13
  fhir-hub scenario run all                  a table; exit 0 only if every check held
  fhir-hub scenario show P13                 its sequence as text and as a Mermaid diagram

{EXIT_TEXT}"""
