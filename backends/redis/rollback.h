#ifndef CACHEFS_ROLLBACK_H
#define CACHEFS_ROLLBACK_H

/*
 * The latest changes that a store has acknowledged, for a store that can come back without them: a
 * server that restarts from an older snapshot, or a replica that replaces its master and has not
 * received everything. After such an event, an entry that is older than the acknowledged change of
 * its key is out of date: it was replaced or removed since.
 *
 * There is a table of fixed size, in which keys share slots, and each slot keeps its latest change.
 * The last removals of prefixes are kept beside it. If a change is no longer kept, the entry is
 * trusted. Changes by other programs and daemons are trusted too. Before the first such event,
 * nothing is looked up. Thread-safe.
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
	struct timespec removed; /* start of the removal */
};

struct rollback {
	atomic_uint life; /* of the store: counts how often it was replaced */
	struct lock lock; /* RANK_LAYER_INNER; guards the rest */
	struct rollback_slot *slots;
	struct rollback_prefix prefixes[ROLLBACK_PREFIXES];
	size_t next; /* the prefix that is overwritten next */
};

int rollback_init(struct rollback *b); /* 0 or -ENOMEM */
void rollback_fini(struct rollback *b);

/* The start of a change: call rollback_begin() before the change is sent. */
struct rollback_change {
	unsigned life;
	struct timespec began;
};
struct rollback_change rollback_begin(const struct rollback *b);

/*
 * Note a change that the store has acknowledged: the entry has this metadata; or is removed; or all
 * that begins with the prefix is removed, markers included. A moved or copied entry is older than
 * its place, so older removals at that place no longer count: rollback_note() drops them for its
 * key, and rollback_note_filled() for a whole prefix.
 */
void rollback_note(struct rollback *b, struct rollback_change change, struct key key,
		   const struct meta *meta);
void rollback_note_gone(struct rollback *b, struct rollback_change change, struct key key);
void rollback_note_cleared(struct rollback *b, struct rollback_change change, struct key prefix);
void rollback_note_filled(struct rollback *b, struct key prefix);

/* Call it when the store is another one, or has other data. */
void rollback_suspect(struct rollback *b);

/* True if the entry or the marker that the store has under the key, with this metadata, is older
 * than a change that the store had acknowledged. */
bool rollback_is_old(struct rollback *b, struct key key, const struct meta *meta);

#endif
