#ifndef CACHEFS_NAME_READ_H
#define CACHEFS_NAME_READ_H

/*
 * A read of the layers by the key of a name or an inode: key, unlock, ask, lock, has it moved? It
 * is admitted by nobody, so it may come between a directory's old place and its new one, and what
 * it finds, or misses, is out of date then: it is asked again by the key of now.
 */

#include "inodes/table.h"

enum { NAME_READ_PART = 1 };

struct name_read {
	struct inodes *t;
	struct name *name;   /* a reference; NULL: of `inode` */
	struct inode *inode; /* a pin */
	bool settled;        /* of a name: asks again until it did not change meanwhile */

	/* Called with no lock held, perhaps more than once: what an earlier call brought it drops.
	 * 0; -ENOENT: there is nothing; NAME_READ_PART: that may be a part of it, or nothing; or
	 * another -errno, which ends the read. */
	int (*ask)(void *self, struct key key);
	void *self;

	struct key_buffer *key; /* filled: by what it was asked last, */
	uint64_t at;            /* and when: the table's clock */
};

/* 0, or ask()'s -errno, or that of inode_key_locked(). Releases the table's lock meanwhile. */
int name_read_locked(struct name_read *r);
int name_read(struct name_read *r); /* takes the lock itself */

#endif
