#ifndef CACHEFS_ENTRIES_DIRS_H
#define CACHEFS_ENTRIES_DIRS_H

/*
 * Directories over two stores of entries.h, entries and markers (marker.h): what struct backend
 * asks of them. The caller holds the lock of the stores.
 */

#include "cache.h"
#include "kit/child_merge.h"
#include "kit/entries.h"
#include "kit/marker.h"

/* The first of a store that begins with the prefix, or is below dir (markers: dir's own included);
 * or NULL. */
struct entry *entries_first_with(const struct entries *s, struct key prefix);
struct entry *entries_first_below(const struct entries *s, struct key dir);

/* One of the two stores, in a listing. */
struct entries_stream {
	struct child_stream stream; /* the first member */
	struct entries_listing *listing;
	const struct entries *store;
	struct entry *at;
};

/* A listing on its way; it stays where it is. */
struct entries_listing {
	struct child_merge merge;
	struct child_stream *streams[2];
	struct entries_stream entries, markers;
	struct instant now;
	struct entry *expired;
};
int entries_list_start(struct entries_listing *l, const struct entries *entries,
		       const struct entries *markers, struct key dir, struct key after,
		       bool after_is_dir);

/*
 * 0: the batch is full or at the end. -EAGAIN: l->expired is in the way; take it out of the store
 * and call again. -ENOMEM.
 */
int entries_list(struct entries_listing *l, struct instant now, struct children *batch);

/* A rename of a directory, on its way through the keys below, made with = { .from, .to }. A walk with
 * entries_move_next() begins with the marker's key of `from` in key (marker_key()); to go on behind
 * an entry that stays, its key gets one byte 0 more. */
struct entries_walk {
	struct key from, to;
	struct key_buffer key, moved; /* an entry's, before and after */
	bool in_markers;              /* entries_check_move() has been through the entries */
};

/*
 * The first key below `from` at or after move->key, and what it becomes. -ENOENT: none is left;
 * -ENAMETOOLONG: it would be longer than limit.
 */
int entries_move_next(const struct entries *s, struct entries_walk *move, size_t limit);

/* Whether all keys that the rename would make are short enough: 0 or -ENAMETOOLONG; -EAGAIN: call
 * again, for a call looks at a bounded number of them. */
int entries_check_move(struct entries_walk *move, const struct entries *entries,
		       const struct entries *markers);

#endif
