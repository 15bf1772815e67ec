#ifndef CACHEFS_REDIS_GREETING_H
#define CACHEFS_REDIS_GREETING_H

/*
 * What every new connection says first: who we are, which database, that our looks are no use of a
 * value, and whose it is.
 */

#include "redis/store.h"

/* Greets within the link's turn. run_id as of redis_info_read(). 0, or -errno with the reason in
 * link->trouble; then the link is fit for redis_link_free() alone. */
int redis_greet(struct redis *r, struct redis_link *link, char *run_id);

#endif
