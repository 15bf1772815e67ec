#ifndef CACHEFS_FILE_FIND_H
#define CACHEFS_FILE_FIND_H

/* Where a key's entry is: the index says, and is corrected first where a file looks different, for
 * another program's set may be there at any time. With no lock held. */

#include "file/entry.h"
#include "file/layer.h"
#include "file/name.h"

/* Where an entry is: its file, and how that looks. */
struct file_place {
	char name[FILE_NAME_SIZE]; /* "": it has none */
	struct meta meta;          /* to be finished, when found */
	struct file_look look;
	bool expired;
};

/*
 * Not within a change, which it begins itself to read what is news. 0; file_find_open(): the open
 * file; -ENOENT: a miss. With an error there is nothing to finish.
 */
int file_find(struct file_layer *f, struct key key, struct file_place *place);
int file_find_open(struct file_layer *f, struct key key, struct file_place *place);

/*
 * Within a change; expired entries are gone. 0, -ENOENT, or -errno: a file that may hold it cannot
 * be read. In any case the place is to be finished, and has the name of the file that is the key's.
 */
int file_find_current(struct file_layer *f, struct key key, struct file_place *place);

/*
 * The value at a place, in its open file, and (may be NULL) how often the entry was renamed. 0 or
 * -errno; -EINVAL: it is not the one of the place; the index is wrong about this file, which is to
 * be read again.
 */
int file_value_at(const struct file_place *place, int fd, struct value **value, uint64_t *renames);

/*
 * An entry whole, within a change: its place, to be finished, its value and what it was till now,
 * for file_store(). -ENOENT or -errno: there is nothing to finish.
 */
int file_find_whole(struct file_layer *f, struct key key, struct file_place *place,
		    struct value **value, struct file_origin *origin);

#endif
