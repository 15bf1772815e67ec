#ifndef CACHEFS_REDIS_SCAN_H
#define CACHEFS_REDIS_SCAN_H

/*
 * A walk through all names in the server that begin with key_prefix, in steps of SCAN. Only a walk
 * finds what other programs wrote. It is slow, so no lookup, listing or removal of a prefix waits
 * for one. One thread uses a scan.
 */

#include "redis/store.h"

struct redis_scan {
	char cursor[24]; /* "0": at the start, or behind the end */
	char *pattern;
};

int redis_scan_init(struct redis_scan *s, struct key prefix); /* 0 or -ENOMEM */
void redis_scan_fini(struct redis_scan *s);
void redis_scan_restart(struct redis_scan *s);
bool redis_scan_is_over(const struct redis_scan *s); /* after a step */

/* Runs one step. Adds the missing members of values, if foreign_writers is set. Returns 0 or
 * -errno. */
int redis_scan_step(struct redis *r, struct redis_scan *s);

int redis_remove_unreachable(void *state); /* of struct backend; state is a struct redis */

#endif
