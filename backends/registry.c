/* The list of backends: a new one adds its line here. See cache.h. */
#include "cache.h"

#include <string.h>

#include "disk/disk.h"
#include "file/file.h"
#include "memory/lfu.h"
#include "memory/memory.h"
#include "memory/noop.h"
#include "redis/redis.h"
#include "memory/ttl.h"

static const struct backend *const backends[] = {
	&backend_memory, &backend_lfu,  &backend_ttl,  &backend_disk,
	&backend_redis,  &backend_file, &backend_noop,
};

enum { BACKENDS = sizeof(backends) / sizeof(backends[0]) };

const struct backend *backend_at(size_t index)
{
	return index < BACKENDS ? backends[index] : NULL;
}

const struct backend *backend_find(const char *type)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (strcmp(backends[i]->type, type) == 0)
			return backends[i];
	}
	return NULL;
}
