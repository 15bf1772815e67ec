#ifndef CACHEFS_REGISTRY_H
#define CACHEFS_REGISTRY_H

/* The list of backends. It is constant. */

#include "cache.h"

const struct backend *backend_find(const char *type); /* NULL: no such type */
const struct backend *backend_at(size_t index);       /* NULL past the end */

#endif
