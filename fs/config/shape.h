#ifndef CACHEFS_CONFIG_SHAPE_H
#define CACHEFS_CONFIG_SHAPE_H

/*
 * The shapes in which layers can be written: one typed layer, memory over disk, a list of layers,
 * or only the options of a memory layer. The object "cachefs" and the members for struct config_top
 * have been removed from root before.
 */

#include "config/part.h"

/* True if root does not configure layers: its members are valid for any layers. */
bool config_shape_is_silent(const cJSON *root);

/* Fills cache; goes on after a problem. 0, or -EINVAL with every problem added. The caller ends
 * cache with config_shape_fini() either way. */
int config_shape_read(const struct config_reader *reader, const cJSON *root,
		      struct cache_conf *cache);
void config_shape_fini(struct cache_conf *cache);

/* Adds the members of the layers[] shape to root; false: out of memory. */
bool config_shape_to_json(const struct cache_conf *cache, cJSON *root);

/* The members of the shapes, for the reference. */
extern const struct option_spec config_pair_members[];  /* memory over disk */
extern const struct option_spec config_stack_members[]; /* a list of layers */

#endif
