#ifndef CACHEFS_ENTRIES_DIRS_H
#define CACHEFS_ENTRIES_DIRS_H

/* Directories over two stores of entries.h, one of entries and one of markers (marker.h). Serves
 * the operations of struct backend for directories. The caller holds the lock of the stores. */

#include "cache.h"
#include "kit/child_merge.h"
#include "kit/entries.h"
#include "kit/marker.h"

/* entries_first_with(): the first entry whose key begins with the prefix. entries_first_below():
 * the first entry below dir (of markers: dir's own marker included). NULL: there is none. */
struct entry *entries_first_with(const struct entries *s, struct key prefix);
struct entry *entries_first_below(const struct entries *s, struct key dir);

/* One of the two stores during a listing. */
struct entries_stream {
	struct child_stream stream; /* the first member */
	struct entries_listing *listing;
	const struct entries *store;
	struct entry *at;
};

/* A listing in progress. The struct must not move. */
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

/* Fills the batch. 0: the batch is full or at the end. -EAGAIN: l->expired is in the way; the
 * caller takes it out of the store and calls again. -ENOMEM: the batch keeps its children. */
int entries_list(struct entries_listing *l, struct instant now, struct children *batch);

/*
 * The rename of a directory in progress, made with = { .from, .to }. Before a walk with
 * entries_move_next() the caller puts the marker's key of `from` into key (marker_key()). To go on
 * behind an entry that stays, the caller appends one byte 0 to key.
 */
struct entries_walk {
	struct key from, to;
	struct key_buffer key, moved; /* an entry's key before and after the rename */
	bool in_markers;              /* entries_check_move() has checked all entries */
};

/* Finds the first key below `from` at or after move->key, and writes its new key to move->moved.
 * -ENOENT: no key is left; -ENAMETOOLONG: the new key would be longer than limit. */
int entries_move_next(const struct entries *s, struct entries_walk *move, size_t limit);

/* Checks the length of all keys that the rename would make: 0 or -ENAMETOOLONG. -EAGAIN: call
 * again, because one call checks a bounded number of keys. */
int entries_check_move(struct entries_walk *move, const struct entries *entries,
		       const struct entries *markers);

#endif
