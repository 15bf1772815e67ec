#ifndef CACHEFS_CONFIG_H
#define CACHEFS_CONFIG_H

/* The configuration: JSON text in, settings and layer specifications out; every mistake a problem
 * with its place. */

#include <stdio.h>

#include <cjson/cJSON.h>

#include "config/settings.h"
#include "stack/layered.h"

struct config {
	struct cache_conf cache;
	struct fs_conf fs;
	struct config_top top;
	char *source; /* the file as given, or NULL for the built-in configuration */
};

/*
 * All shapes of a configuration. text need not be terminated; file names it in problems and
 * base_dir anchors relative paths. Without a word about layers they are config_default()'s. What
 * the options name and must exist is looked for, but nothing is made. 0, or -EINVAL with every
 * problem added, in the form "file:line: $.path"; config is then empty.
 */
int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problems *problems);

/* Without a file: memory (LRU, 256 MiB) over SQLite at $XDG_CACHE_HOME/cachefs/default.sqlite, 10
 * GiB. */
int config_default(struct config *config, struct problems *problems);

void config_fini(struct config *config);

/* The effective configuration, every default filled in, secrets masked; in the layers[] shape. It
 * is a configuration itself, but for the masks. NULL: out of memory. */
cJSON *config_to_json(const struct config *config);

/* A configuration that shows the most useful options. */
extern const char config_example[];

/* The reference of all options, from their tables: Markdown onto a stream. */
void config_print_reference(FILE *out);

#endif
