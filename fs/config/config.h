#ifndef CACHEFS_CONFIG_H
#define CACHEFS_CONFIG_H

/* The configuration: from JSON text to settings and layer specifications. Every mistake is a
 * problem with its place. */

#include <stdio.h>

#include <cjson/cJSON.h>

#include "config/settings.h"
#include "stack/layered.h"

struct config {
	struct cache_conf cache;
	struct fs_conf fs;
	struct config_top top;
	char *source; /* the file as it was given, or NULL for the built-in configuration */
};

/*
 * Parses all shapes of a configuration. text need not be terminated. file names the text in
 * problems; relative paths begin at base_dir. If no layers are configured, config gets those of
 * config_default(). Files that must exist are looked for, but nothing is made. 0, or -EINVAL with
 * every problem added, in the form "file:line: $.path"; config is then empty.
 */
int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problems *problems);

/* The configuration without a file: memory (LRU, 256 MiB) over SQLite at
 * $XDG_CACHE_HOME/cachefs/default.sqlite, 10 GiB. */
int config_default(struct config *config, struct problems *problems);

void config_fini(struct config *config);

/* The effective configuration in the layers[] shape, with every default, and secrets masked. Except
 * for the masks, it is a configuration itself. NULL: out of memory. */
cJSON *config_to_json(const struct config *config);

/* A configuration with the most useful options. */
extern const char config_example[];

/* Prints the reference of all options, from their tables, as Markdown. */
void config_print_reference(FILE *out);

#endif
