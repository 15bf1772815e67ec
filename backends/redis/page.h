#ifndef CACHEFS_REDIS_PAGE_H
#define CACHEFS_REDIS_PAGE_H

/*
 * The ordered index in pages: some members of one of the two sets, in the order of their keys, and
 * the state of their values. One thread uses a page. The functions have the errors of
 * redis/command.h.
 */

#include "redis/call.h"
#include "redis/member.h"

struct redis_item {
	struct key key;    /* borrows the page's reply */
	struct key member; /* borrows the page's reply */
	struct meta meta;
	struct end_record ends;
	bool known;      /* meta has the value's checksum */
	bool dead;       /* no entry: expired, without a value, or one of these: */
	bool old;        /* see redis_is_old() */
	bool strange;    /* the value is not the one that meta describes */
	bool unmeasured; /* the value may be strange: its size is unknown */
};

enum { REDIS_PAGE = 128 };

/* Some members in their order. Initialise it with = {0}, end it with redis_page_fini(). */
struct redis_page {
	redisReply *reply;
	struct redis_item items[REDIS_PAGE];
	size_t count, next;
	bool end;         /* no member follows */
	struct key after; /* the last member, for the next page; borrows the reply */
};

/* The keys from `first` to before `end`, or all keys from `first` on if unbounded is set. If
 * `after` has bytes, only the members behind it. */
struct redis_range {
	struct key first, after, end;
	bool unbounded;
};

/*
 * Reads the first members of the set that are in the range, at most `limit`. The range is one of
 * keys: a member that lies in it by its bytes alone (its key is shorter, and metadata follow) is
 * left out. Damaged members are removed from the set and left out. range->after may lie in the old
 * page, which is finished after the request. -EIO: the reply has a member outside of the range, or
 * no order.
 */
int redis_page_read(struct redis_call *call, struct key set, const struct redis_range *range,
		    size_t limit, struct redis_page *page);
/* Examines the values of the items, fills dead, old, strange and unmeasured, and removes from the
 * index the members whose value is gone. */
int redis_page_check(struct redis_call *call, struct redis_page *page);

/* As redis_page_check(), for a page of markers, which have no values. Removes markers that are
 * older than an acknowledged change. */
int redis_page_check_markers(struct redis_call *call, struct redis_page *page);

/* Gathers one command for all items: with the set and their members, or (set NULL) with the names
 * of their values. */
void redis_page_gather(struct redis_call *call, const char *word, const struct key *set,
		       const struct redis_page *page);

void redis_page_fini(struct redis_page *page);

#endif
