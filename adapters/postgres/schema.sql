-- The tables of package postgres of apiece. Running this again changes nothing, so a
-- later release may run it over the tables of an earlier one.

-- The log of a hub is one row. A transaction that appends an event locks it until the
-- end: the next number is given out when the one before is visible to all, or rolled
-- back. A sequence would leave holes, and its numbers would become visible in any order.
--
-- epoch is random and identifies the log: a log that is lost and begun again gets
-- another. bytes is the sum over all events there ever were. The fillfactor leaves room
-- on the page for the dead versions of the row, which are many.
create table if not exists apiece_log (
	name  text   primary key,
	epoch bigint not null constraint apiece_log_epoch unique,
	last  bigint not null,
	bytes bigint not null
) with (fillfactor = 10);

-- The events. before is the sum of the bytes of all earlier events. key identifies an
-- append: a second attempt with the same key fails.
create table if not exists apiece_event (
	epoch   bigint      not null references apiece_log (epoch) on delete cascade,
	seq     bigint      not null,
	key     bigint      not null,
	at      timestamptz not null,
	before  bigint      not null,
	topic   bytea       not null,
	name    bytea       not null,
	comment bytea       not null,
	data    bytea       not null,
	retry   bigint      not null,
	primary key (epoch, seq),
	constraint apiece_event_once unique (epoch, key)
);

-- The tables of the cache follow. They are unlogged: writes do not wait for the disk, and
-- when the server crashes, or a replica takes over, all data is gone at once, which a
-- cache survives. Losing only a part would break it.

-- The numbers of a cache: the last one given out, the floor under all tags, and until
-- when every tag counts as noted.
create unlogged table if not exists apiece_store (
	name  text        primary key,
	last  bigint      not null,
	floor bigint      not null,
	noted timestamptz not null
) with (fillfactor = 10);

-- entry is null for a number whose entry is not kept.
create unlogged table if not exists apiece_entry (
	store   text        not null,
	key     bytea       not null,
	number  bigint      not null,
	expires timestamptz not null,
	size    bigint      not null,
	entry   bytea,
	primary key (store, key)
);

create unlogged table if not exists apiece_tag (
	store  text   not null,
	tag    bytea  not null,
	raised bigint not null,
	primary key (store, tag)
);

create unlogged table if not exists apiece_note (
	store text        not null,
	tag   bytea       not null,
	until timestamptz not null,
	primary key (store, tag)
);

create unlogged table if not exists apiece_lock (
	store  text        not null,
	key    bytea       not null,
	holder bigint      not null,
	until  timestamptz not null,
	primary key (store, key)
);
