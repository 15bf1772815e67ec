/* The bytes that the layer occupies on its disk. See disk/amounts.h. */
#include "disk/amounts.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "disk/store.h"

enum {
	BLOCK = 4096,       /* what a file takes is a multiple of it */
	RECOUNT_MS = 10000, /* after other programs wrote, it is counted again, so rarely */
};

uint64_t disk_file_bytes(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

uint64_t disk_amounts_length(const struct disk *d, const char *suffix)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s%s", d->conf->path, suffix) >= (int)sizeof(path) ||
	    stat(path, &st) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

int disk_amounts_count(struct disk *d, int64_t files_change, struct disk_amounts *a)
{
	uint64_t page_size = atomic_load(&d->page_size);
	int64_t files = atomic_load(&d->file_bytes) + files_change, pages = 0, spare = 0;

	int rc = disk_number(disk_db(d), DISK_PAGE_COUNT, &pages);
	if (rc == 0)
		rc = disk_number(disk_db(d), DISK_FREE_COUNT, &spare);
	a->all = (uint64_t)pages * page_size;
	a->spare = spare < pages ? (uint64_t)spare * page_size : a->all;
	a->files = files > 0 ? (uint64_t)files
			     : 0; /* others write too: it may be wrong for a while */
	return rc;
}

void disk_amounts_measure(struct disk *d)
{
	struct disk_amounts a;

	if (disk_amounts_count(d, 0, &a) < 0)
		return;
	uint64_t length = disk_amounts_length(d, ""), wal = disk_amounts_length(d, "-wal");
	if (a.spare < d->spare_low)
		d->spare_low = a.spare;
	atomic_store(&d->used_bytes, (a.all > length ? a.all : length) + wal + a.files);
}

void disk_amounts_recount(struct disk *d)
{
	int64_t entries = 0, bytes = 0;

	if (disk_number(disk_db(d), DISK_COUNT_ENTRIES, &entries) == 0)
		atomic_store(&d->entries, entries);
	if (disk_number(disk_db(d), DISK_COUNT_FILES, &bytes) == 0)
		atomic_store(&d->file_bytes, bytes);
}

int64_t disk_amounts_shorten(struct disk *d, int pages)
{
	struct disk_amounts before, after;
	char text[64];

	int rc = disk_amounts_count(d, 0, &before);
	snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%d)", pages);
	if (rc == 0)
		rc = db_exec(disk_db(d), text);
	if (rc == 0)
		rc = disk_amounts_count(d, 0, &after);
	if (rc < 0)
		return rc;
	return before.all > after.all ? (int64_t)(before.all - after.all) : 0;
}

static bool look_at_file_system(const struct disk *d, struct statvfs *fs)
{
	return statvfs(d->conf->path, fs) == 0;
}

uint64_t disk_file_system_size(const struct disk *d)
{
	struct statvfs fs;

	return look_at_file_system(d, &fs) ? (uint64_t)fs.f_blocks * fs.f_frsize : UINT64_MAX;
}

uint64_t disk_file_system_free(const struct disk *d)
{
	struct statvfs fs;

	return look_at_file_system(d, &fs) ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
}
