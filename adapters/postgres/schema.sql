-- What package postgres of apiece keeps. To run this again changes nothing, so a
-- later release may run it over what an earlier one has made.

-- A log of a hub is one row. Whoever appends an event locks it until the
-- transaction ends: the next number is given out when the one before is visible to
-- all, or has been taken back. A sequence would leave holes, and its numbers would
-- become visible in any order.
--
-- epoch is random, and names the life of the log: no two logs have the same, and
-- one that is lost and begun again has another. bytes is the sum over all events
-- there ever were. The room on the page is for the versions of the row that no
-- transaction needs any more, which are many.
create table if not exists apiece_log (
	name  text   primary key,
	epoch bigint not null constraint apiece_log_epoch unique,
	last  bigint not null,
	bytes bigint not null
) with (fillfactor = 10);

-- The events. before is the sum of the bytes of all that came earlier. key tells
-- an attempt to append from every other: made a second time, it fails.
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

-- What follows is the cache's. It is not logged: to write it waits for no disk, and
-- when the server crashes, or a replica takes over, all of it is gone at once,
-- which a cache survives. A part of it would not do.

-- The numbers of a cache: what was given out last, what no tag is below, and until
-- when every tag counts as noted.
create unlogged table if not exists apiece_store (
	name  text        primary key,
	last  bigint      not null,
	floor bigint      not null,
	noted timestamptz not null
) with (fillfactor = 10);

-- entry is null where there was one that is not kept.
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
