#ifndef CACHEFS_SCRATCH_STORE_H
#define CACHEFS_SCRATCH_STORE_H

/*
 * How a scratch file at rest becomes an entry under its own name. Functions whose names end in
 * _locked want the inode table's lock held, and may release it meanwhile.
 */

#include "verbs/publish.h"

/* A scratch file that has left the list of files at rest, to be stored. */
struct scratch_storing {
	struct inode *inode; /* a pin */
	struct name *name;   /* a reference; the name is being published */
};
struct scratch_storing scratch_begin_locked(struct inodes *t, struct inode *inode);
/* -errno: it is still a scratch file. Waits; call with no lock held. */
int scratch_store(struct fs *fs, const struct scratch_storing *s, enum publish_how how);
void scratch_stored_locked(struct fs *fs, const struct scratch_storing *s);

/* All three steps for a file at rest. or_drop: the file is removed if no layer takes it. 0 or
 * -errno. */
int scratch_store_locked(struct fs *fs, struct inode *inode, bool or_drop);

/* The file that has rested longest, and for at least least_ms; NULL: none. Meanwhile removes files
 * whose time is over. */
struct inode *scratch_oldest_locked(struct fs *fs, int64_t least_ms);

/* The number of bytes of a name that the log shows. */
int scratch_name_shown(const struct name *name);

#endif
