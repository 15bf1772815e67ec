#ifndef CACHEFS_DISK_UPKEEP_H
#define CACHEFS_DISK_UPKEEP_H

/*
 * The work between jobs that no caller asks for: writes hits, removes expired entries, removes
 * files without an entry, counts the amounts again after other programs wrote, and keeps the limit.
 * Only the owner of the connection for writing calls these functions.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct disk;

struct disk_upkeep {
	int64_t recount_ms;   /* no new count before then */
	int64_t data_version; /* changes when another program commits */
	DIR *sweep; /* the files of values, during the search for files without an entry */
	bool sweep_due;
};

/* Call them after the database was opened, and before it is closed. */
void disk_upkeep_begin(struct disk *d);
void disk_upkeep_end(struct disk *d);

/* Runs one bounded step. True: work is left. */
bool disk_upkeep_step(struct disk *d);

#endif
