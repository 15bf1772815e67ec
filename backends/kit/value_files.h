#ifndef CACHEFS_VALUE_FILES_H
#define CACHEFS_VALUE_FILES_H

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

#define VALUE_FILES_SUFFIX ".values" /* after the path of the database */

enum {
	VALUE_FILE_NAME = 17,        /* with the terminator */
	VALUE_FILES_VERIFIED = 1024, /* files remembered as verified */
};

/* A file as it was when its checksum was found right: any later change shows in these. */
struct verified_file {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct value_files {
	char *path;                                   /* the directory */
	char *database;                               /* the path of the database */
	struct unsynced unsynced;                     /* files that were given a name */
	struct lock lock;                             /* RANK_LAYER_INNER; guards: */
	struct verified_file verified[VALUE_FILES_VERIFIED]; /* by inode number */
};

int value_files_init(struct value_files *v, const char *database_path);
void value_files_fini(struct value_files *v);

/* 0, or -EPERM with the reason, a phrase that follows the path: what lies there is not used. */
int value_files_check(const struct value_files *v, char *reason, size_t size);

/* The files that are there, by name; NULL: none can be seen. To be closed. */
DIR *value_files_list(struct value_files *v);

/* An unnamed file in the directory, which is made if need be. */
int value_files_temp(struct value_files *v);

/* Whether the value lies in a file that can be given a name instead of being copied: it has none,
 * or one that is about to go. */
bool value_files_can_adopt(struct value_files *v, const struct value *value);

/* A copy of the value in an unnamed file. Returns the fd. */
int value_files_copy(struct value_files *v, const struct value *value);

/* Names an unnamed file. -EXDEV: it cannot have one, copy it. */
int value_files_link(struct value_files *v, int fd, char name[VALUE_FILE_NAME]);

bool value_files_exists(struct value_files *v, const char *name);
void value_files_remove(struct value_files *v, const char *name);

/* Opens for reading, without waiting. -ENOENT also if the size is not the expected one; -EBADF: what
 * is there is no regular file, and none of ours. */
int value_files_open(struct value_files *v, const char *name, uint64_t size);

/* Whether the file's bytes are known to be those of its checksum; and that they are, from now on.
 */
bool value_files_is_verified(struct value_files *v, int fd);
void value_files_note_verified(struct value_files *v, int fd);

bool value_files_is_name(const char *name);

/* Everything linked so far survives power loss: see unsynced_sync(). */
int value_files_sync(struct value_files *v, const struct time_source *time);

#endif
