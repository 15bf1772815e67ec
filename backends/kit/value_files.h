#ifndef CACHEFS_DISK_VALUES_H
#define CACHEFS_DISK_VALUES_H

/*
 * Large values: files in PATH.values/, named by 16 random hex digits. A row points to its file. A
 * file gets its name inside the transaction that commits the row, and orphans are removed inside a
 * transaction too, so no program sweeps what another is about to commit. Files are immutable, and have
 * the owner and the mode of the database. A directory that others can write to is not used
 * (private_dir.h): each call that would, logs why.
 * Thread-safe. Functions return 0 (or an fd) or -errno.
 */

#include <dirent.h>
#include <stdbool.h>

#include "base/lock.h"
#include "kit/unsynced.h"
#include "base/value.h"

#define DISK_VALUES_SUFFIX ".values" /* after the path of the database */

enum {
	DISK_FILE_NAME = 17,  /* with the terminator */
	DISK_VERIFIED = 1024, /* files remembered as verified */
};

/* A file as it was when its checksum was found right: any later change shows in these. */
struct disk_verified {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct disk_values {
	char *path;                                   /* the directory */
	char *database;                               /* the path of the database */
	struct unsynced unsynced;                     /* files that were given a name */
	struct lock lock;                             /* RANK_LAYER_INNER; guards: */
	struct disk_verified verified[DISK_VERIFIED]; /* by inode number */
};

int disk_values_init(struct disk_values *v, const char *database_path);
void disk_values_fini(struct disk_values *v);

/* 0, or -EPERM with the reason, a phrase that follows the path: what lies there is not used. */
int disk_values_check(const struct disk_values *v, char *reason, size_t size);

/* The files that are there, by name; NULL: none can be seen. To be closed. */
DIR *disk_values_list(struct disk_values *v);

/* An unnamed file in the directory, which is made if need be. */
int disk_values_temp(struct disk_values *v);

/* Whether the value lies in a file that can be given a name instead of being copied: it has none,
 * or one that is about to go. */
bool disk_values_can_adopt(struct disk_values *v, const struct value *value);

/* A copy of the value in an unnamed file. Returns the fd. */
int disk_values_copy(struct disk_values *v, const struct value *value);

/* Names an unnamed file. -EXDEV: it cannot have one, copy it. */
int disk_values_link(struct disk_values *v, int fd, char name[DISK_FILE_NAME]);

bool disk_values_exists(struct disk_values *v, const char *name);
void disk_values_remove(struct disk_values *v, const char *name);

/* Opens for reading, without waiting. -ENOENT also if the size is not the expected one; -EBADF: what
 * is there is no regular file, and none of ours. */
int disk_values_open(struct disk_values *v, const char *name, uint64_t size);

/* Whether the file's bytes are known to be those of its checksum; and that they are, from now on.
 */
bool disk_values_is_verified(struct disk_values *v, int fd);
void disk_values_note_verified(struct disk_values *v, int fd);

bool disk_values_is_name(const char *name);

/* Everything linked so far survives power loss. */
int disk_values_sync(struct disk_values *v);

#endif
