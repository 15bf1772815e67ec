#ifndef CACHEFS_DISK_CONF_H
#define CACHEFS_DISK_CONF_H

/* The options of a disk layer, their checks, and the directory and the file that its path names. */

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
	uint64_t inline_limit; /* larger values become files */
	uint64_t min_free;     /* bytes, as free_space.h says */
	bool vacuum_on_start;
	bool ensure_directory;
	mode_t mode; /* of a new database; 0: 0600 */
};

extern const struct option_spec disk_conf_options[];

/* Returns 0, or -EINVAL and a problem that only the user can mend. */
int disk_conf_check(const void *conf, struct problem *problem);

/* Implements places() of struct backend. */
size_t disk_conf_places(const void *conf, struct store_place places[STORE_PLACES_MAX]);

/* Makes the directories that lead to the database, if they are missing and ensure_directory is set.
 * Returns 0, or -EINVAL and the problem. */
int disk_conf_make_directory(const struct disk_conf *conf, struct problem *problem);
mode_t disk_conf_directory_mode(const struct disk_conf *conf); /* of these directories */

/* Makes an empty file for the database if none exists. Reports no error: SQLite does. */
void disk_conf_make_file(const struct disk_conf *conf);

/* Logs a warning if other users can read the file although the option mode does not allow that. */
void disk_conf_warn_of_readers(const struct disk_conf *conf);

#endif
