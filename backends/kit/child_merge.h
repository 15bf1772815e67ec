#ifndef CACHEFS_CHILD_MERGE_H
#define CACHEFS_CHILD_MERGE_H

/*
 * Merges the children of a directory from ordered streams of stored keys: of entries and of markers
 * (marker.h). Serves list() of struct backend. The merge reads nothing below a child that is a
 * directory, because it seeks the streams behind that child: the cost depends on the children
 * alone.
 *
 *	struct child_stream *const streams[] = { &entries, &markers };
 *	struct child_merge m = { .streams = streams, .count = 2 };
 *	rc = child_merge_start(&m, dir, after, after_is_dir);
 *	if (rc == 0)
 *		rc = child_merge_run(&m, batch);
 *
 * Takes no lock. A caller whose streams need a lock holds it around child_merge_run().
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/children.h"
#include "base/key.h"

/*
 * One stream, a member of a larger struct that its functions know. Made with seek and describe set.
 */
struct child_stream {
	/*
	 * Goes to the first key at or after `at`. Sets key and is_marker, which stay valid until
	 * the next seek. is_near: `at` is the key that follows the stream's current key. -ENOENT:
	 * no key is left; another -errno ends child_merge_run(). The stream skips keys that are
	 * longer than KEY_MAX (a marker's: longer by its slash).
	 */
	int (*seek)(struct child_stream *s, struct key at, bool is_near);
	/* Fills the child (meta, vague) whose entry or marker has the current key. -EBADMSG: the
	 * listing must not show the child; another -errno as with seek(). */
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

/* Begins the listing of dir behind the child `after`. 0 or -ENAMETOOLONG. */
int child_merge_start(struct child_merge *m, struct key dir, struct key after, bool after_is_dir);

/*
 * Adds children until the batch is full or the listing ends (0). -ENOMEM; -EUCLEAN: a stream went
 * back to an earlier key; or the error of a stream. After an error, a second call with the same
 * batch continues.
 */
int child_merge_run(struct child_merge *m, struct children *batch);

#endif
