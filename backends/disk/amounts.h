#ifndef CACHEFS_DISK_AMOUNTS_H
#define CACHEFS_DISK_AMOUNTS_H

/*
 * The bytes that the layer occupies on its disk: the pages of the database, the free ones among
 * them, and the blocks of the files of large values. Also the size of the file system below, and
 * the one way to make a database shorter. Only the owner of the connection for writing calls these
 * functions; any thread may call those for the file system.
 */

#include <stdint.h>

struct disk;

/* Returns the bytes that a file of this size occupies. */
uint64_t disk_file_bytes(uint64_t size);

struct disk_amounts {
	uint64_t all;   /* pages of the database */
	uint64_t spare; /* free pages among them */
	uint64_t files;
};

/* Counts the bytes as of the current transaction. files_change: bytes that the transaction adds to
 * the files. Returns 0 or -errno; an amount that could not be read is 0. */
int disk_amounts_count(struct disk *d, int64_t files_change, struct disk_amounts *a);

/* Returns the length of the database's file with this suffix; 0: the length is unknown. */
uint64_t disk_amounts_length(const struct disk *d, const char *suffix);

/* Updates used_bytes and spare_low of struct disk. Call it after each commit. */
void disk_amounts_measure(struct disk *d);

/* Counts the entries and their files again, because other programs have written. */
void disk_amounts_recount(struct disk *d);

/*
 * Moves up to `pages` free pages to the end of the database and cuts them off. The file itself
 * becomes shorter with the next checkpoint. Returns the bytes that were cut off, or -errno. 0:
 * there is no free page, or the database cannot be made shorter.
 */
int64_t disk_amounts_shorten(struct disk *d, int pages);

/* The size of the file system below, and its free bytes; UINT64_MAX and 0 if they are unknown.
 * Thread-safe. */
uint64_t disk_file_system_size(const struct disk *d);
uint64_t disk_file_system_free(const struct disk *d);

#endif
