#ifndef CACHEFS_REDIS_SECRET_H
#define CACHEFS_REDIS_SECRET_H

/*
 * The password: from the configuration, where the only copy stays, the environment or a file. A
 * file is read again by every probe, so that a password can be changed while we run. Thread-safe.
 */

#include "base/lock.h"
#include "redis/conf.h"

struct redis_secret {
	const struct redis_conf *conf;
	struct lock lock; /* RANK_LAYER_INNER */
	char *read;       /* from file or environment; NULL: none. Guarded by lock */
};

void redis_secret_init(struct redis_secret *secret, const struct redis_conf *conf);
void redis_secret_fini(struct redis_secret *secret);

/* Reads it as it is now. 0, or -errno and the old one stays. */
int redis_secret_read(struct redis_secret *secret);

/* A copy for redis_secret_free(), which wipes it (NULL is fine). NULL: none, or out of memory. */
char *redis_secret_copy(struct redis_secret *secret);
void redis_secret_free(char *copy);

#endif
