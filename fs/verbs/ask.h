#ifndef CACHEFS_ASK_H
#define CACHEFS_ASK_H

/* The most frequent questions of a name_read to the layers: an entry, or only its metadata. */

#include "inodes/name_read.h"
#include "stack/layered.h"

struct entry_ask {
	struct layered *cache;
	enum get_kind kind;   /* of the value; GET_COUNTED counts one hit, not more */
	struct value **value; /* NULL: only the metadata; else *value is NULL or a reference */
	struct meta *meta;    /* the metadata found; the caller ends it, also after -ENOENT */
};

/* The ask() of a struct name_read, whose self is a struct entry_ask. */
int ask_entry(void *self, struct key key);

/* Likewise for a directory: the metadata of its marker. Without a marker (mode 0) a part of the
 * directory may be elsewhere. */
int ask_marker(void *self, struct key key);

#endif
