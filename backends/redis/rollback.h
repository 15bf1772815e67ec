#ifndef CACHEFS_ROLLBACK_H
#define CACHEFS_ROLLBACK_H

/*
 * What a store has acknowledged of late, for a store that can come back without it: a server that
 * was restarted from an older snapshot, or a replica that takes the place of its master and had not
 * got everything. After such an event, an entry that is older than what was acknowledged under its
 * key is of before: a value that was replaced since, or one that was removed.
 *
 * A table of fixed size that keys share, the latest change of a slot staying, and the last
 * removals of prefixes: what was crowded out is believed. So is all that others wrote, or had
 * acknowledged. Nothing is looked up before the first such event. Thread-safe.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/key.h"
#include "base/lock.h"
#include "base/meta.h"

enum { ROLLBACK_PREFIXES = 64 };

struct rollback_slot;

struct rollback_prefix {
	char *bytes; /* owned; NULL: none */
	size_t size;
	unsigned life;
	struct timespec removed; /* when that began */
};

struct rollback {
	atomic_uint life; /* of the store: counts how often it was another */
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct rollback_slot *slots;
	struct rollback_prefix prefixes[ROLLBACK_PREFIXES];
	size_t next; /* of them, to be written over */
};

int rollback_init(struct rollback *b); /* 0 or -ENOMEM */
void rollback_fini(struct rollback *b);

/* A change begins. */
struct rollback_change {
	unsigned life;
	struct timespec began;
};
struct rollback_change rollback_begin(const struct rollback *b);

/* The store has acknowledged the change: the entry is this now; gone; or all that begins with the
 * prefix is gone, markers included. An entry that is moved or copied is older than its place:
 * rollback_note() takes that into account, for a whole prefix rollback_note_filled() does. */
void rollback_note(struct rollback *b, struct rollback_change change, struct key key,
		   const struct meta *meta);
void rollback_note_gone(struct rollback *b, struct rollback_change change, struct key key);
void rollback_note_cleared(struct rollback *b, struct rollback_change change, struct key prefix);
void rollback_note_filled(struct rollback *b, struct key prefix);

/* The store is not the one that it was. */
void rollback_suspect(struct rollback *b);

/* Whether what the store holds under the key, an entry or a marker with this metadata, is of before
 * a change that it had acknowledged. */
bool rollback_is_old(struct rollback *b, struct key key, const struct meta *meta);

#endif
