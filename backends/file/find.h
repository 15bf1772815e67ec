#ifndef CACHEFS_FILE_FIND_H
#define CACHEFS_FILE_FIND_H

/*
 * Finds the file of a key's entry. The index knows the file. If a file looks different from the
 * index, the module first reads it again, because another program may set a key at any time. The
 * caller holds no lock.
 */

#include "file/entry.h"
#include "file/layer.h"
#include "file/name.h"

/* The file of an entry, and how the file looks. */
struct file_place {
	char name[FILE_NAME_SIZE]; /* "": there is no file */
	struct meta meta;          /* the caller ends it if the entry was found */
	struct file_look look;
	bool expired;
};

/* Not within a change: these functions begin a change to read changed files. 0 (file_find_open():
 * the open file). -ENOENT: a miss. After an error the caller has nothing to end. */
int file_find(struct file_layer *f, struct key key, struct file_place *place);
int file_find_open(struct file_layer *f, struct key key, struct file_place *place);

/*
 * Within a change; removes expired entries first. 0; -ENOENT; or -errno: a file that may hold the
 * entry cannot be read. In each case the caller ends place->meta, and place->name is the name of
 * the key's file.
 */
int file_find_current(struct file_layer *f, struct key key, struct file_place *place);

/*
 * Reads the value at a place from its open file, and the number of the entry's renames (`renames`
 * may be NULL). 0 or -errno. -EINVAL: the file does not have the value of the place. The index is
 * wrong about this file; the caller reads the file again.
 */
int file_value_at(const struct file_place *place, int fd, struct value **value, uint64_t *renames);

/* Finds a whole entry, within a change: its place, which the caller ends, its value, and its origin
 * for file_store(). -ENOENT or -errno: the caller has nothing to end. */
int file_find_whole(struct file_layer *f, struct key key, struct file_place *place,
		    struct value **value, struct file_origin *origin);

#endif
