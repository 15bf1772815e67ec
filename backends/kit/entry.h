#ifndef CACHEFS_ENTRY_H
#define CACHEFS_ENTRY_H

/*
 * One entry in memory: its key, value and metadata, and the links of the store (entries.h) that it
 * is in. Who made it frees it; while it is in a store, only that store's lock makes it safe to look
 * at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

/* What a binary heap of entries is ordered by: the end of its copy, or its weight (LFU). */
enum entry_order { ORDER_DUE, ORDER_WEIGHT };

struct entry {
	struct key key;      /* its own bytes */
	struct value *value; /* a reference; NULL for a directory's marker */
	struct meta meta;    /* in a store, expiry and xattrs change by entries_update() only */
	struct entry *link;  /* the user's, while the entry is in no store */
	bool lost;           /* the user's */
	/* the store's: */
	uint64_t hash;
	uint64_t charge;
	size_t at[2]; /* place in a heap of each order, or NOT_IN_HEAP */
	struct entry *next_hash;
	struct entry *newer, *older;    /* LRU's */
	uint64_t uses, weight, used_at; /* LFU's: since it was put; by what it is ordered */
	unsigned height;
	struct entry *after[]; /* the next in key order, per level of the skip list; then the key */
};

/* An entry in no store: copies key and meta (NULL: empty) and refs value (NULL: none). NULL: out of
 * memory. */
struct entry *entry_new(struct key key, struct value *value, const struct meta *meta);
void entry_free(struct entry *e); /* NULL is fine */

/* What an entry counts against a limit, in bytes: value, key, xattrs and what it takes to keep
 * them; as it is, or moved into another one. */
uint64_t entry_charge(const struct entry *e);
uint64_t entry_charge_as(const struct entry *e, const struct entry *frame);

#endif
