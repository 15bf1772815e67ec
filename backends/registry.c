/* The list of backends. See registry.h. A new backend adds its two lines here. */
#include "registry.h"

#include <string.h>

extern const struct backend backend_memory; /* on the heap, the least recently used evicted first */
extern const struct backend backend_lfu;    /* the least frequently used; counts age */
extern const struct backend backend_ttl;    /* without limit: entries leave when they expire */
extern const struct backend backend_disk;  /* an SQLite database, large values in files beside it */
extern const struct backend backend_redis; /* a Redis server that other programs may share */
extern const struct backend backend_file;  /* one JSON file that people can read per entry */
extern const struct backend backend_noop;  /* a set succeeds, every get misses */

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
