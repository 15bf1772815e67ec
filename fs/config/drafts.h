#ifndef CACHEFS_DRAFTS_H
#define CACHEFS_DRAFTS_H

/* From the layers as they are written to those of the cache: by priority, each with a name and a
 * store of its own. */

#include "config/layer.h"

/* Fills cache; the drafts are used up, also after a failure. A name that is taken or reserved gets
 * a number, and the log says so. 0, or -EINVAL with every problem added. */
int drafts_finish(const struct config_reader *reader, struct layer_draft drafts[], size_t count,
		  struct cache_conf *cache);

#endif
