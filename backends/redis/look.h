#ifndef CACHEFS_REDIS_LOOK_H
#define CACHEFS_REDIS_LOOK_H

/*
 * What lies under one key in the server: a value and a member of the index, which fit each other or
 * not, as other programs write values alone.
 */

#include "redis/call.h"
#include "redis/member.h"

enum { REDIS_TRIES = 5 }; /* of what others get in between of */

/* A get touches the value's recency in the server; a server before 7.2 has it touched by any look.
 */
enum redis_look { REDIS_LOOK_SIZE, REDIS_LOOK_VALUE, REDIS_LOOK_GET };

/* What is stored under a key. */
struct redis_seen {
	struct meta meta;
	struct end_record ends; /* as written down; expires_ms: the value's */
	struct value *value;
	uint64_t kept_version; /* of the entry whose owner an overwritten one has */
	bool has_value;        /* else the rest says nothing, but: */
	bool has_members;      /* there is metadata, of this value or of another */
	bool fits;             /* some of it is the value's */
	bool known;            /* so is the checksum in it */
	bool learned;          /* it was not until now */
	bool old;              /* a value that counts as none: see redis_is_old() */
};

void redis_seen_fini(struct redis_seen *seen);

/* Whether two expiries (0: never) are one, as exactly as the server tells them. */
bool redis_same_expiry(const struct redis_call *call, int64_t a_ms, int64_t b_ms);

/*
 * What a key holds, after what others did to it has been noted in the index. 0, -ENOENT or -errno.
 * What `seen` held before is finished.
 */
int redis_find(struct redis *r, struct key key, enum redis_look look, struct redis_seen *seen);

/* The value as it stands, without noting anything anywhere. 0, -ENOENT or -errno. */
int redis_peek_at(struct redis *r, struct key key, struct redis_seen *seen);

/* The same within a call that goes on to change the key: WATCHes it, notes nothing. */
int redis_look_and_watch(struct redis_call *call, struct key key, struct redis_seen *seen);

/* A value without a member gets one, if nobody does anything to it meanwhile; one of before a
 * change that the server had acknowledged goes. */
void redis_adopt(struct redis *r, struct key key);

/* Whether an entry or a marker is of before such a change: the server came back with older data.
 * Logged once. */
bool redis_is_old(struct redis *r, struct key key, const struct meta *meta);

/* Gathers the commands that replace a key's members in a set by one; NULL: by none. Returns how
 * many. */
int redis_gather_member(struct redis_call *call, struct key set, struct key key,
			const struct redis_member *member);

#endif
