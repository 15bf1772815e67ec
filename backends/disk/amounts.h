#ifndef CACHEFS_DISK_AMOUNTS_H
#define CACHEFS_DISK_AMOUNTS_H

/*
 * What the layer takes on its disk, in bytes: the pages of the database, those of them that are
 * free, the files of large values as they lie there; what the file system below has. And the one
 * way in which a database becomes shorter. For who owns the connection, but for what the file
 * system has.
 */

#include <stdint.h>

struct disk;

/* What a file of so many bytes takes. */
uint64_t disk_file_bytes(uint64_t size);

struct disk_amounts {
	uint64_t all;   /* pages of the database */
	uint64_t spare; /* those that are free */
	uint64_t files;
};

/* As of the transaction under way; files_change: what it adds to the files. 0 or -errno: what could
 * not be read is 0. */
int disk_amounts_count(struct disk *d, int64_t files_change, struct disk_amounts *a);

/* The length of the database's file with this suffix; 0: it cannot be told. */
uint64_t disk_amounts_length(const struct disk *d, const char *suffix);

/* After a commit: what everybody sees of it. */
void disk_amounts_measure(struct disk *d);

/* The entries and their files are counted anew: other programs have written. */
void disk_amounts_recount(struct disk *d);

/*
 * Moves up to so many free pages to the end of the database, which becomes shorter by them: the
 * file itself with the next checkpoint. How many bytes (0: it has none, or cannot be made shorter),
 * or -errno.
 */
int64_t disk_amounts_shorten(struct disk *d, int pages);

/* What the file system below has, and has left; if nobody can tell: UINT64_MAX, and 0. Any thread.
 */
uint64_t disk_file_system_size(const struct disk *d);
uint64_t disk_file_system_free(const struct disk *d);

#endif
