#ifndef CACHEFS_DISK_CONF_H
#define CACHEFS_DISK_CONF_H

/* What a disk layer is told, and the place that it is told: before it is opened, and while it is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/option.h"
#include "base/problem.h"
#include "cache.h"

struct disk_conf {
	char *path;
	uint64_t size_limit;   /* bytes; 0: none */
	uint64_t inline_limit; /* larger values are files */
	uint64_t min_free;     /* bytes, as free_space.h says */
	bool vacuum_on_start;
	bool ensure_directory;
	mode_t mode; /* of a database that is made; 0: 0600 */
};

extern const struct option_spec disk_conf_options[];

/* 0, or -EINVAL and the problem, which only the user can mend. */
int disk_conf_check(const void *conf, struct problem *problem);

/* See struct backend. */
size_t disk_conf_places(const void *conf, struct store_place places[STORE_PLACES_MAX]);

/* The directories that lead to it, if they are missing and that is wanted. 0 or -EINVAL. */
int disk_conf_make_directory(const struct disk_conf *conf, struct problem *problem);
mode_t disk_conf_directory_mode(const struct disk_conf *conf); /* of those */

/* An empty file, if it is missing. */
void disk_conf_make_file(const struct disk_conf *conf);

/* In the log, if others can read the file although no mode was given. */
void disk_conf_warn_of_readers(const struct disk_conf *conf);

#endif
