#ifndef CACHEFS_META_H
#define CACHEFS_META_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/end.h"
#include "base/key.h"
#include "base/xattrs.h"

/*
 * What is known of an entry beside its bytes, or of a directory (then only the fields that a
 * directory has: mode, uid, gid, ino, times, xattrs). A plain struct; it holds one reference to its
 * xattrs. Layers copy it with meta_copy() and end it with meta_fini().
 */
struct meta {
	uint64_t size;     /* bytes of the value */
	uint64_t ino;      /* the file's identity; 0: none yet (a foreign entry, a directory without
			      marker) */
	uint64_t version;  /* +1 per publish; 0: foreign */
	uint64_t checksum; /* XXH3 of the value; meaningful when version > 0 */
	uint64_t hits;
	int64_t hit_ms;     /* when the last of them was, since 1970; 0: the layer does not know */
	int64_t created_ms; /* since 1970 */
	struct end own;  /* the entry's own end: the same in every layer, what a change hands on */
	struct end copy; /* of the copy in the layer that tells it: by its own end or otherwise */
	struct timespec mtime;
	struct timespec ctime;
	uint32_t mode; /* with the type bits: S_IFREG, S_IFLNK, S_IFDIR; 0: no metadata (foreign) */
	uint32_t uid;
	uint32_t gid;
	struct xattrs *xattrs;
	bool unkept; /* no durable layer has taken it (on_error "serve"): no copy of anything */
};

/* No time lies further from 1970, so that seconds can be told in milliseconds. */
#define META_SECONDS_MAX INT64_C(1000000000000000)
struct timespec meta_time(struct timespec time); /* what lies further is cut to that */

/* Which fields touch() shall write. */
enum meta_fields {
	META_MODE = 1 << 0,   /* mode */
	META_OWNER = 1 << 1,  /* uid and gid */
	META_TIMES = 1 << 2,  /* mtime and ctime */
	META_EXPIRY = 1 << 3, /* own and copy */
	META_XATTRS = 1 << 4, /* xattrs */
	META_INO = 1 << 5,    /* ino: of an entry that had none */
	META_USED = 1 << 6,   /* nothing, but it is a use of the entry, as touch(1) is: for recency
				 and age, not a hit */
};

void meta_copy(
	struct meta *to,
	const struct meta *from); /* to is overwritten, not finished; takes a reference to xattrs */
void meta_move(struct meta *to, struct meta *from); /* finishes to; from is left empty */
void meta_fini(struct meta *meta);                  /* drops the reference; leaves *meta empty */
void meta_update(struct meta *to, const struct meta *from,
		 unsigned fields); /* what touch() does to a stored meta */

/* The bits that a change by somebody else than root takes from the mode of a program: set-uid, and
 * set-gid where it means a group. 0: there are none. */
uint32_t meta_privileges(const struct meta *meta);

/* Another program has overwritten an entry: mode and owner stay as they were known, but that its
 * content is nobody's program any more, and no link's target. */
void meta_keep_owner(struct meta *to, const struct meta *known);

/* Whether the copy has ended: its end is now or before. */
bool meta_is_expired(const struct meta *meta, struct instant now);

/* Whether both describe one published value: identity, version, size and, for foreign ones, mtime.
 */
bool meta_same_value(const struct meta *a, const struct meta *b);

/* Whether a copy of an entry in another layer, whenever that copy ends, is still right. */
bool meta_is_copy(const struct meta *copy, const struct meta *entry);

#endif
