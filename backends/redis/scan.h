#ifndef CACHEFS_REDIS_SCAN_H
#define CACHEFS_REDIS_SCAN_H

/*
 * Going through all names in the server that begin with key_prefix, by steps of SCAN: the only way
 * to meet what other programs wrote. Slow, so it is on the path of no lookup, listing or removal
 * of a prefix. A scan is one thread's.
 */

#include "redis/store.h"

struct redis_scan {
	char cursor[24]; /* "0": at the beginning, or behind the end */
	char *pattern;
};

int redis_scan_init(struct redis_scan *s, struct key prefix); /* 0 or -ENOMEM */
void redis_scan_fini(struct redis_scan *s);
void redis_scan_restart(struct redis_scan *s);
bool redis_scan_is_over(const struct redis_scan *s); /* after a step */

/* One step: values without a member in the index get one, if foreign writers count. 0 or -errno. */
int redis_scan_step(struct redis *r, struct redis_scan *s);

int redis_remove_unreachable(void *state); /* the backend's; state is a struct redis */

#endif
