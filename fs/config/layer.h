#ifndef CACHEFS_CONFIG_LAYER_H
#define CACHEFS_CONFIG_LAYER_H

/* One layer of a configuration: {"type", "name", "priority", "options"} and the common options. */

#include "config/part.h"

/* The types that are shapes, not backends. */
#define CONFIG_PAIR "layered"
#define CONFIG_FLEXIBLE "flexible_layered"
#define CONFIG_FLEXIBLE_ALIAS "flexible-layered" /* the name in the Python package's plugin */

/* A layer as it is written, before it becomes one of the cache's. */
struct layer_draft {
	struct layer_spec spec;
	struct part options; /* the place of its options; borrows the JSON */
	bool named;          /* by the user */
};

/* An element of layers[]. */
extern const struct option_spec config_layer_members[];

/* The type that a word means: the word itself, except for other ids of the Python package. */
const char *config_type_of(const char *word);

/*
 * Reads a layer. Goes on after a problem; 0, or -EINVAL with every problem added. The caller sets
 * the priority of a layer that has none written, and ends the spec with config_layer_fini() either
 * way.
 */
int config_layer_read(struct part *layer, struct layer_draft *draft);
void config_layer_fini(struct layer_spec *spec);

/* Reads only the backend's options and the common ones, from an object that has nothing else. */
int config_layer_options(struct part *options, const struct backend *backend,
			 struct layer_draft *draft);

#endif
