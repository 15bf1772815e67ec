#ifndef CACHEFS_CONFIG_SHAPE_H
#define CACHEFS_CONFIG_SHAPE_H

/*
 * The shapes that the layers can be written in: one typed layer, memory over disk, a list of
 * layers, or the options of a memory layer alone. The object "cachefs" and what fills struct
 * config_top have been taken out of root before.
 */

#include "config/part.h"

/* Whether it says nothing of layers: what it has is for any. */
bool config_shape_is_silent(const cJSON *root);

/* Fills cache and reads on after a problem; 0, or -EINVAL with every problem added. The caller ends
 * it with config_shape_fini() either way. */
int config_shape_read(const struct config_reader *reader, const cJSON *root,
		      struct cache_conf *cache);
void config_shape_fini(struct cache_conf *cache);

/* The members of the layers[] shape added to root; false: out of memory. */
bool config_shape_to_json(const struct cache_conf *cache, cJSON *root);

/* What the shapes consist of, for the reference. */
extern const struct option_spec config_pair_members[];  /* memory over disk */
extern const struct option_spec config_stack_members[]; /* a list of layers */

#endif
