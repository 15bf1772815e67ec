#ifndef CACHEFS_SCRATCH_STORE_H
#define CACHEFS_SCRATCH_STORE_H

/*
 * How a scratch file that rests becomes an entry under its own name. Functions that are _locked
 * want the inode table's lock held, and may release it meanwhile.
 */

#include "verbs/publish.h"

/* One that leaves the list of those at rest, to be stored. */
struct scratch_storing {
	struct inode *inode; /* a pin */
	struct name *name;   /* a reference, and it is being published */
};
struct scratch_storing scratch_begin_locked(struct inodes *t, struct inode *inode);
/* -errno: it is still a scratch file. Waits, with no lock held. */
int scratch_store(struct fs *fs, const struct scratch_storing *s, enum publish_how how);
void scratch_stored_locked(struct fs *fs, const struct scratch_storing *s);

/* All three of one that is at rest. or_drop: it goes if no layer takes it. 0, or why not. */
int scratch_store_locked(struct fs *fs, struct inode *inode, bool or_drop);

/* The one that has rested longest, and not less than that; NULL: none. Those whose time is over go
 * meanwhile. */
struct inode *scratch_oldest_locked(struct fs *fs, int64_t least_ms);

/* How many bytes of a name the log shows. */
int scratch_name_shown(const struct name *name);

#endif
