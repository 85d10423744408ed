CREATE TABLE attempt (
	id INTEGER NOT NULL, 
	sid INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	outcome VARCHAR NOT NULL, 
	status INTEGER, 
	address VARCHAR, 
	dns FLOAT, 
	connect FLOAT, 
	tls FLOAT, 
	wait FLOAT, 
	total FLOAT NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE change_log (
	seq INTEGER NOT NULL, 
	tx INTEGER NOT NULL, 
	kind INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	op INTEGER NOT NULL, 
	at INTEGER NOT NULL, 
	prev INTEGER, 
	author VARCHAR, 
	terms VARCHAR, 
	ranges BLOB, 
	body BLOB, 
	PRIMARY KEY (seq)
);
CREATE INDEX change_log_kind ON change_log (kind, seq);
CREATE TABLE delivery (
	sid INTEGER NOT NULL, 
	cursor INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	failing_since INTEGER, 
	due INTEGER, 
	retry_to INTEGER, 
	last_sent INTEGER, 
	resend BLOB, 
	asking_since INTEGER, 
	lost BLOB, 
	PRIMARY KEY (sid)
);
CREATE TABLE hub (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
)
 WITHOUT ROWID;
CREATE TABLE kind (
	id INTEGER NOT NULL, 
	release VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (release, type)
);
CREATE TABLE resource (
	kind INTEGER NOT NULL, 
	id VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	PRIMARY KEY (kind, id)
)
 WITHOUT ROWID;
CREATE TABLE search_range (
	p INTEGER NOT NULL, 
	lo INTEGER NOT NULL, 
	hi INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (p, lo, hi, seq)
)
 WITHOUT ROWID;
CREATE TABLE segment (
	sid INTEGER NOT NULL, 
	first INTEGER NOT NULL, 
	stream INTEGER NOT NULL, 
	"offset" INTEGER NOT NULL, 
	last INTEGER, 
	PRIMARY KEY (sid, first)
)
 WITHOUT ROWID;
CREATE TABLE stream (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	release VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	filters BLOB NOT NULL, 
	visibility VARCHAR NOT NULL, 
	muted VARCHAR NOT NULL, 
	UNIQUE ("key")
);
CREATE TABLE stream_event (
	stream INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	context BLOB, 
	PRIMARY KEY (stream, n)
)
 WITHOUT ROWID;
CREATE TABLE stream_n (
	stream INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	floor INTEGER NOT NULL, 
	PRIMARY KEY (stream)
);
CREATE TABLE subscription (
	sid INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	release VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	visibility VARCHAR NOT NULL, 
	generation INTEGER NOT NULL, 
	topic_version VARCHAR NOT NULL, 
	error VARCHAR, 
	error_code VARCHAR, 
	created INTEGER, 
	deleted BOOLEAN NOT NULL, 
	fields BLOB NOT NULL, 
	secrets BLOB, 
	UNIQUE (release, id)
);
CREATE TABLE topic (
	id INTEGER NOT NULL, 
	url VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	source BLOB NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (url, version)
);
