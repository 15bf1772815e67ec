#ifndef CACHEFS_REDIS_MEMBER_H
#define CACHEFS_REDIS_MEMBER_H

/*
 * A member of the sorted sets beside the values in Redis: key NUL metadata. Members have the order
 * of their keys. All numbers are little endian:
 *
 *   key, 0, format (1), flags, size 8, ino 8, version 8, checksum 8, hits 8, created_ms 8,
 *   a record of ends 8 + 8 + 8 + 8 (end.h: copy, own, ahead_ms, boot), mtime 8 + 4,
 *   ctime 8 + 4, mode 4, uid 4, gid 4, xattrs (packed as in xattrs.h), sum 4 (of all before it),
 *   size of the key 2
 *
 * Flag 1: the checksum is the value's. Flag 2: the record of ends is there. Without flag 2 (older
 * daemons), one number of milliseconds replaces the record: 0, or a moment that a user gave.
 *
 * The members of a key lie between key 0 1 and key 0 2; those of longer keys do not.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"

struct redis_member {
	char *bytes; /* malloc'ed */
	size_t size;
};

/* ends: the record, by the server's clock; its expires_ms is the value's and is not packed.
 * checksum_known: false for a foreign value whose bytes nobody has read yet. Returns 0 or
 * -ENOMEM. */
int redis_member_pack(struct key key, const struct meta *meta, const struct end_record *ends,
		      bool checksum_known, struct redis_member *member);

/* *key borrows the member's bytes. The caller finishes *meta. -EINVAL: damaged; -ENOMEM. */
int redis_member_unpack(struct key member, struct key *key, struct meta *meta,
			struct end_record *ends, bool *checksum_known);

#endif
