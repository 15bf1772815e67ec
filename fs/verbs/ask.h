#ifndef CACHEFS_ASK_H
#define CACHEFS_ASK_H

/* What a name_read asks the layers for, most often: an entry, or its metadata alone. */

#include "inodes/name_read.h"
#include "stack/layered.h"

struct entry_ask {
	struct layered *cache;
	enum get_kind kind;   /* of the value; GET_COUNTED counts once */
	struct value **value; /* NULL: the metadata alone; else NULL in it, or a reference */
	struct meta *meta;    /* what there was; ended by the caller, also after -ENOENT */
};

/* The ask() of a struct name_read, whose self is a struct entry_ask. */
int ask_entry(void *self, struct key key);

/* Likewise of a directory: the metadata of its marker. Without one (mode 0) a part of it may be
 * elsewhere. */
int ask_marker(void *self, struct key key);

#endif
