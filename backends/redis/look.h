#ifndef CACHEFS_REDIS_LOOK_H
#define CACHEFS_REDIS_LOOK_H

/*
 * The state of one key in the server: a value, and members of the index. The members may not fit
 * the value, because other programs write values alone.
 */

#include "redis/call.h"
#include "redis/member.h"

enum { REDIS_TRIES = 5 }; /* attempts, while others change the key */

/* REDIS_LOOK_GET counts as a use of the value; in a server before 7.2 every look does. */
enum redis_look { REDIS_LOOK_SIZE, REDIS_LOOK_VALUE, REDIS_LOOK_GET };

/* The state of a key, as a look found it. */
struct redis_seen {
	struct meta meta;
	struct end_record ends; /* as in the member; expires_ms: the value's */
	struct value *value;
	uint64_t kept_version; /* of the overwritten entry whose owner was kept */
	bool has_value;        /* false: only these fields count: */
	bool has_members;      /* the index has metadata, of this value or of another */
	bool fits;             /* some of the metadata is the value's */
	bool known;            /* the checksum in meta is the value's */
	bool learned;          /* this look has found the checksum: the member lacks it */
	bool old;              /* the value counts as missing: see redis_is_old() */
};

void redis_seen_fini(struct redis_seen *seen);

/* True if two expiries (0: never) are the same, as exactly as the server reports them. */
bool redis_same_expiry(const struct redis_call *call, int64_t a_ms, int64_t b_ms);

/*
 * Looks at a key, and notes in the index what other programs did to the key. Returns 0, -ENOENT or
 * -errno. The former content of *seen is finished.
 */
int redis_find(struct redis *r, struct key key, enum redis_look look, struct redis_seen *seen);

/* Looks at the value, and notes nothing anywhere. Returns 0, -ENOENT or -errno. */
int redis_peek_at(struct redis *r, struct key key, struct redis_seen *seen);

/* Looks at a key within a call that then changes the key: WATCHes the key, and notes nothing.
 * Returns 0, also if there is no value, or -errno. */
int redis_look_and_watch(struct redis_call *call, struct key key, struct redis_seen *seen);

/* Adds the missing member of a value, unless others change the value meanwhile. Removes a value
 * that is older than a change which the server had acknowledged. */
void redis_adopt(struct redis *r, struct key key);

/* True if an entry or a marker is older than such a change: the server came back with older data.
 * Logged once. */
bool redis_is_old(struct redis *r, struct key key, const struct meta *meta);

/* Gathers the commands that replace a key's members in a set by one member; NULL: by none. Returns
 * the number of commands. */
int redis_gather_member(struct redis_call *call, struct key set, struct key key,
			const struct redis_member *member);

#endif
