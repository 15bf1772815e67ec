#ifndef CACHEFS_NAME_READ_H
#define CACHEFS_NAME_READ_H

/*
 * A read of the layers by the key of a name or an inode: take the key, unlock, ask, lock, check
 * whether the key has changed. The read is not admitted, so a rename of a directory may run at the
 * same time. Its answer may then be out of date, and the layers are asked again by the new key.
 */

#include "inodes/table.h"

enum { NAME_READ_PART = 1 };

struct name_read {
	struct inodes *t;
	struct name *name;   /* a reference; NULL: of `inode` */
	struct inode *inode; /* a pin */
	bool settled;        /* of a name: ask again until the name does not change meanwhile */

	/* Called with no lock held, perhaps several times; each call drops the results of the call
	 * before. 0; -ENOENT: there is nothing; NAME_READ_PART: perhaps only a part was found, or
	 * nothing; another -errno ends the read. */
	int (*ask)(void *self, struct key key);
	void *self;

	struct key_buffer *key; /* set: the key of the last ask(), */
	uint64_t at;            /* set: and the table's clock then */
};

/* 0, or -errno of ask() or inode_key_locked(). Releases the table's lock meanwhile. */
int name_read_locked(struct name_read *r);
int name_read(struct name_read *r); /* takes the lock itself */

#endif
