#ifndef CACHEFS_REDIS_GREETING_H
#define CACHEFS_REDIS_GREETING_H

/*
 * The first commands of every connection: they log in, select the database, get the connection's
 * id, make the server not count our looks as uses of a value, and read INFO.
 */

#include "redis/store.h"

/* Sends these commands within the link's turn. run_id: as in redis_info_read(). Returns 0, or
 * -errno with the reason in link->trouble. After an error the link is fit for redis_link_free()
 * alone. */
int redis_greet(struct redis *r, struct redis_link *link, char *run_id);

#endif
