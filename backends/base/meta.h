#ifndef CACHEFS_META_H
#define CACHEFS_META_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/end.h"
#include "base/key.h"
#include "base/xattrs.h"

/*
 * The metadata of an entry, or of a directory (then only mode, uid, gid, ino, times and xattrs have
 * a meaning). A plain struct that holds one reference to its xattrs. Layers copy it with
 * meta_copy() and end it with meta_fini().
 */
struct meta {
	uint64_t size;     /* bytes of the value */
	uint64_t ino;      /* the file's identity; 0: none yet (a foreign entry, a directory without
			      marker) */
	uint64_t version;  /* +1 per publish; 0: foreign */
	uint64_t checksum; /* XXH3 of the value; meaningful when version > 0 */
	uint64_t hits;
	int64_t hit_ms;     /* the time of the last hit, since 1970; 0: not known */
	int64_t created_ms; /* since 1970 */
	struct end own;     /* the entry's own end: the same in every layer; changes pass it on */
	struct end copy;    /* the end of the copy in the layer that gave this meta */
	struct timespec mtime;
	struct timespec ctime;
	uint32_t mode; /* with the type bits: S_IFREG, S_IFLNK, S_IFDIR; 0: no metadata (foreign) */
	uint32_t uid;
	uint32_t gid;
	struct xattrs *xattrs;
	bool unkept; /* only layers that are not durable have it (on_error "serve"); no copy */
};

/* The greatest distance of a time from 1970, so that its milliseconds fit into an int64_t. */
#define META_SECONDS_MAX INT64_C(1000000000000000)
struct timespec meta_time(struct timespec time); /* cuts the time to that distance */

/* The fields that touch() writes. */
enum meta_fields {
	META_MODE = 1 << 0,   /* mode */
	META_OWNER = 1 << 1,  /* uid and gid */
	META_TIMES = 1 << 2,  /* mtime and ctime */
	META_EXPIRY = 1 << 3, /* own and copy */
	META_XATTRS = 1 << 4, /* xattrs */
	META_INO = 1 << 5,    /* ino: of an entry that had none */
	META_USED = 1 << 6,   /* writes nothing; counts as a use for recency and age, as touch(1)
			         does, not as a hit */
};

void meta_copy(
	struct meta *to,
	const struct meta *from); /* to is overwritten, not finished; takes a reference to xattrs */
void meta_move(struct meta *to, struct meta *from); /* finishes to; from is left empty */
void meta_fini(struct meta *meta);                  /* drops the reference; leaves *meta empty */
/* Does what touch() does to a stored meta. If fields is 0, from may be NULL. */
void meta_update(struct meta *to, const struct meta *from, unsigned fields);

/* The mode bits that a program loses when a user other than root changes it: set-uid, and set-gid
 * if the group may execute. 0: there are none. */
uint32_t meta_privileges(const struct meta *meta);

/*
 * For an entry that another program has overwritten: keeps mode and owner of `known` in `to`,
 * without set-uid and set-gid. Changes nothing if `known` is not a regular file (a link's target
 * would be wrong).
 */
void meta_keep_owner(struct meta *to, const struct meta *known);

/* True if the end of the copy is now or before. */
bool meta_is_expired(const struct meta *meta, struct instant now);

/* True if both describe one published value: same identity, version, size and checksum; for foreign
 * entries mtime instead of the checksum. */
bool meta_same_value(const struct meta *a, const struct meta *b);

/*
 * True if a copy of an entry in another layer is still right. The end of the copy does not matter.
 */
bool meta_is_copy(const struct meta *copy, const struct meta *entry);

#endif
