#ifndef CACHEFS_REDIS_PAGE_H
#define CACHEFS_REDIS_PAGE_H

/*
 * The ordered index, by pages: some members of one of the two sets in the order of their keys, and
 * what their values say of them. A page is one thread's. All fail with what redis/command.h does.
 */

#include "redis/call.h"
#include "redis/member.h"

struct redis_item {
	struct key key;    /* borrows the page's reply */
	struct key member; /* likewise */
	struct meta meta;
	struct end_record ends;
	bool known;      /* meta has the value's checksum */
	bool dead;       /* expired, or its value is gone, or it is: */
	bool old;        /* see redis_is_old() */
	bool strange;    /* the value is another one than meta describes */
	bool unmeasured; /* it may be */
};

enum { REDIS_PAGE = 128 };

/* Some members in their order. Made with = {0}, ended with redis_page_fini(). */
struct redis_page {
	redisReply *reply;
	struct redis_item items[REDIS_PAGE];
	size_t count, next;
	bool end;         /* no member follows */
	struct key after; /* the last member, for the next page; borrows the reply */
};

/* The keys from `first` to before `end`, or all from there on; and of their members those behind
 * `after`, if that has bytes. */
struct redis_range {
	struct key first, after, end;
	bool unbounded;
};

/*
 * The first members of set that are in the range. It is one of keys: a member that lies in it by
 * its bytes alone (for its key is shorter, and goes on with metadata) is left out. Damaged ones are
 * dropped from the set and left out. range->after may lie in the page, which is finished once that
 * has been asked for. -EIO: the server says what is not in the range, or no order.
 */
int redis_page_read(struct redis_call *call, struct key set, const struct redis_range *range,
		    size_t limit, struct redis_page *page);
/* Finds out which items have lost their value, and drops those members. */
int redis_page_check(struct redis_call *call, struct redis_page *page);

/* The same of a page of markers, which have no values: those of before a change are dropped. */
int redis_page_check_markers(struct redis_call *call, struct redis_page *page);

/* Gathers a command over all items: of the set and their members, or (set NULL) the names of their
 * values. */
void redis_page_gather(struct redis_call *call, const char *word, const struct key *set,
		       const struct redis_page *page);

void redis_page_fini(struct redis_page *page);

#endif
