#ifndef CACHEFS_CHILD_MERGE_H
#define CACHEFS_CHILD_MERGE_H

/*
 * The children of a directory, merged from ordered streams of stored keys, of entries and of
 * markers (marker.h): what list() of struct backend asks for. Below a child that is a directory
 * nothing is read, for the streams are sought behind it: the cost is that of the children.
 *
 *	struct child_stream *const streams[] = { &entries, &markers };
 *	struct child_merge m = { .streams = streams, .count = 2 };
 *	rc = child_merge_start(&m, dir, after, after_is_dir);
 *	if (rc == 0)
 *		rc = child_merge_run(&m, batch);
 *
 * Takes no lock; who has one to hold for the streams holds it around child_merge_run().
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/children.h"
#include "base/key.h"

/* One stream, as a member of what its functions know of it. Made with = { .seek, .describe }. */
struct child_stream {
	/*
	 * Goes to the first key at or after `at`, which comes out in key and is_marker, valid until
	 * the stream is sought again. is_near: `at` is the key that follows the one where the
	 * stream stands. -ENOENT: no key is left; another -errno ends child_merge_run(). A key that
	 * is longer than KEY_MAX (a marker's: by its slash) is not to come out.
	 */
	int (*seek)(struct child_stream *s, struct key at, bool is_near);
	/* What is known of the child that the key is the entry or the marker of: its meta and
	 * whether that is vague. -EBADMSG: it is not to be shown; another -errno as with seek(). */
	int (*describe)(struct child_stream *s, struct child *child);
	struct key key;
	bool is_marker;
	/* child_merge.c's own: */
	enum { STREAM_ASTRAY, STREAM_PASSED, STREAM_STANDS, STREAM_OVER } state;
};

struct child_merge {
	struct child_stream *const *streams;
	size_t count;
	/* child_merge.c's own: */
	struct key dir;       /* borrowed */
	struct key_buffer at; /* the next child is at or after this key */
};

/* 0 or -ENAMETOOLONG. */
int child_merge_start(struct child_merge *m, struct key dir, struct key after, bool after_is_dir);

/*
 * Adds children until the batch is full or at its end (0). -ENOMEM, -EUCLEAN: a stream led back;
 * or what a stream has answered. After an error it may be called again, with the same batch, and
 * goes on.
 */
int child_merge_run(struct child_merge *m, struct children *batch);

#endif
