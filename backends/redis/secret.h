#ifndef CACHEFS_REDIS_SECRET_H
#define CACHEFS_REDIS_SECRET_H

/*
 * The password: from the configuration, which then has the only copy, the environment or a file.
 * Every probe reads a file again, so the password can change while the daemon runs. Thread-safe.
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

/* Reads the password as it is now. Returns 0, or -errno and the old password stays. */
int redis_secret_read(struct redis_secret *secret);

/* Returns a copy for redis_secret_free(), which wipes it (NULL is allowed). NULL: there is no
 * password, or no memory. */
char *redis_secret_copy(struct redis_secret *secret);
void redis_secret_free(char *copy);

#endif
