#ifndef CACHEFS_DRAFTS_H
#define CACHEFS_DRAFTS_H

/* Turns the layers as they are written into the layers of the cache: sorted by priority, each with
 * its own name and store. */

#include "config/layer.h"

/* Fills cache; the drafts are used up, also after a failure. A name that is taken or reserved gets
 * a number, and the log tells it. 0, or -EINVAL with every problem added. */
int drafts_finish(const struct config_reader *reader, struct layer_draft drafts[], size_t count,
		  struct cache_conf *cache);

#endif
