#ifndef CACHEFS_DISK_UPKEEP_H
#define CACHEFS_DISK_UPKEEP_H

/*
 * What is nobody's job, and done between jobs: hits are written down, expired entries go, files
 * without an entry are swept, amounts are counted again after other programs wrote, the limit is
 * kept. For who owns the connection.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

struct disk;

struct disk_upkeep {
	int64_t recount_ms;   /* not before then */
	int64_t data_version; /* moves when another program commits */
	DIR *sweep;           /* over the files of values, while orphans are looked for */
	bool sweep_due;
};

/* The database has been opened; is about to be closed. */
void disk_upkeep_begin(struct disk *d);
void disk_upkeep_end(struct disk *d);

/* One bounded step. True: there is more to do. */
bool disk_upkeep_step(struct disk *d);

#endif
