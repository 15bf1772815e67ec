#ifndef CACHEFS_INODE_STATE_H
#define CACHEFS_INODE_STATE_H

/* The states of file inodes and the changes between them: see inode.h. All functions require the
 * table's lock. */

#include "inodes/table.h"

/* Asserts the invariants of one inode. Called after each change of its state. */
void inode_check(const struct inode *inode);

/* The private inode that shows an unpublished key or change; the holder is preferred. NULL: nothing
 * is pending. */
struct inode *name_pending_locked(const struct name *name);

/* Make inodes as inode_new_dir_locked() makes directories. A new version is stale until it is the
 * version of its name. */
struct inode *inode_new_version_locked(struct inodes *t, struct name *name,
				       const struct meta *meta);
struct inode *inode_new_private_locked(struct inodes *t, struct name *name, const struct meta *meta,
				       struct value *base, pid_t owner);
void inode_note_made_locked(struct inodes *t, struct inode *version); /* by mknod(2) */

/* The inode that presents the published value at name, which `meta` describes: the version there,
 * or a new one. NULL: no memory. */
struct inode *name_version_locked(struct inodes *t, struct name *name, const struct meta *meta);

/* Changes of state. */
void inode_retire_locked(struct inodes *t, struct inode *inode); /* version -> stale */
void inode_take_over_locked(struct inodes *t, struct inode *inode, struct value *base, pid_t owner);
/*
 * Private -> scratch file. A fresh one gets the end that a set here would get now. From now on
 * meta.own is the end of the file, and `given` is an end, not a wish.
 */
void inode_make_scratch_locked(struct inodes *t, struct inode *inode);
/* Another private inode has become the holder of its name. The content of this inode is not pending
 * any more, until the next write; the inode becomes stale when it is closed. */
void inode_supersede_locked(struct inodes *t, struct inode *inode);
void inode_end_scratch_locked(struct inodes *t, struct inode *inode); /* the caller has a pin */
/* Call after a scratch file was opened, closed, stored or changed: decides whether it rests. */
void inode_rest_locked(struct inodes *t, struct inode *inode);
/* True if a scratch file holds content that no layer has under its name. */
bool inode_is_unstored_locked(const struct inode *inode);
void inode_note_unstored_locked(struct inode *inode);
bool inode_scratch_is_over_locked(const struct inode *inode);
/* The end of a scratch file; none: it does not end while it is a scratch file. */
struct end inode_scratch_end_locked(const struct inode *inode);
void inode_settle_locked(struct inodes *t,
			 struct inode *inode); /* call when a handle or ticket has ended */
void inode_detach_locked(struct inodes *t, struct inode *inode); /* unlinked: no name any more */

/*
 * Moves the inodes of one file to another name; what presented the target is unlinked. published:
 * the entry moves too, not only pending content.
 */
void name_move_files_locked(struct inodes *t, struct name *from, struct name *to, bool published);

/* Gives one inode that name. The inode lists of both names stay as they are. */
void inode_rename_locked(struct inodes *t, struct inode *inode, struct name *to);

#endif
