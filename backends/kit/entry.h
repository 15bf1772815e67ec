#ifndef CACHEFS_ENTRY_H
#define CACHEFS_ENTRY_H

/*
 * One entry in memory: its key, value and metadata, and the links of the store (entries.h) that
 * contains it. The maker of an entry frees it. While an entry is in a store, a reader of the entry
 * holds the lock of the store's user.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/key.h"
#include "base/meta.h"
#include "base/value.h"

/* The order of a binary heap of entries: by the end of the copy, or by weight (LFU). */
enum entry_order { ORDER_DUE, ORDER_WEIGHT };

struct entry {
	struct key key;      /* the entry owns the bytes */
	struct value *value; /* a reference; NULL for a directory's marker */
	struct meta meta;    /* in a store, expiry and xattrs change by entries_update() only */
	struct entry *link;  /* for the user, while the entry is in no store */
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

/* Makes an entry that is in no store. Copies key and meta (NULL: empty) and takes a reference to
 * value (NULL: no value). NULL: out of memory. */
struct entry *entry_new(struct key key, struct value *value, const struct meta *meta);
void entry_free(struct entry *e); /* NULL is fine */

/* The bytes that an entry counts against a limit: value, key, xattrs and the memory of the links.
 * entry_charge_as(): the bytes that it would count if moved into `frame`. */
uint64_t entry_charge(const struct entry *e);
uint64_t entry_charge_as(const struct entry *e, const struct entry *frame);

#endif
