#ifndef CACHEFS_VALUE_FILES_H
#define CACHEFS_VALUE_FILES_H

/*
 * Large values: files in PATH.values/, named by 16 random hex digits. A row of the database points
 * to its file. A file gets its name inside the transaction that commits the row, and a transaction
 * also removes orphans, so no program removes a file that another program is about to commit. Files
 * never change, and have the owner and the mode of the database. The module does not use a
 * directory that other users can write to (private_dir.h); each call on such a directory logs the
 * reason. Thread-safe. Functions return 0 (or an fd) or -errno.
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

/* A file at the time when its checksum was right: any later change of the file changes a field. */
struct verified_file {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct value_files {
	char *path;                                          /* the directory */
	char *database;                                      /* the path of the database */
	struct unsynced unsynced;                            /* files that were given a name */
	struct lock lock;                                    /* RANK_LAYER_INNER; guards: */
	struct verified_file verified[VALUE_FILES_VERIFIED]; /* by inode number */
};

int value_files_init(struct value_files *v, const char *database_path);
void value_files_fini(struct value_files *v);

/* 0, or -EPERM: the directory is not used, and reason is set, a phrase that follows the path. */
int value_files_check(const struct value_files *v, char *reason, size_t size);

/* The directory, to read the names of its files; the caller closes it. NULL: it cannot be read. */
DIR *value_files_list(struct value_files *v);

/* Makes an unnamed file in the directory, and the directory if needed. Returns the fd. */
int value_files_temp(struct value_files *v);

/* True if the value lies in a file that can get a name here instead of a copy: the file has no
 * name, or one that it will soon lose. */
bool value_files_can_adopt(struct value_files *v, const struct value *value);

/* Copies the value into an unnamed file. Returns the fd. */
int value_files_copy(struct value_files *v, const struct value *value);

/* Gives an unnamed file a name. -EXDEV: the file cannot have a name here; the caller copies it. */
int value_files_link(struct value_files *v, int fd, char name[VALUE_FILE_NAME]);

bool value_files_exists(struct value_files *v, const char *name);
void value_files_remove(struct value_files *v, const char *name);

/* Opens a file for reading, without waiting. -ENOENT: there is no such file, or its size is not the
 * expected one. -EBADF: it is no regular file, so not one of ours. */
int value_files_open(struct value_files *v, const char *name, uint64_t size);

/* value_files_is_verified(): true if the file's bytes are known to fit its checksum.
 * value_files_note_verified(): notes that they do. */
bool value_files_is_verified(struct value_files *v, int fd);
void value_files_note_verified(struct value_files *v, int fd);

bool value_files_is_name(const char *name);

/* 0: everything linked so far survives power loss. See unsynced_sync(). */
int value_files_sync(struct value_files *v, const struct time_source *time);

#endif
