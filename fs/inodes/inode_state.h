#ifndef CACHEFS_INODE_STATE_H
#define CACHEFS_INODE_STATE_H

/* The states of file inodes, and the arrows between them: see inode.h. All functions want the
 * table's lock held. */

#include "inodes/table.h"

/* The invariants of one inode, asserted. Called after each change of its state. */
void inode_check(const struct inode *inode);

/* A private inode that shows an unpublished key or change: holder first; NULL: nothing pending. */
struct inode *name_pending_locked(const struct name *name);

/* Made as inode_new_dir_locked() makes directories; the former is stale until it is its name's. */
struct inode *inode_new_version_locked(struct inodes *t, struct name *name,
				       const struct meta *meta);
struct inode *inode_new_private_locked(struct inodes *t, struct name *name, const struct meta *meta,
				       struct value *base, pid_t owner);
void inode_note_made_locked(struct inodes *t, struct inode *version); /* by mknod(2) */

/* The inode of what is published at name, which `meta` describes: the version there, or a new one.
 */
struct inode *name_version_locked(struct inodes *t, struct name *name, const struct meta *meta);

/* Transitions. */
void inode_retire_locked(struct inodes *t, struct inode *inode); /* version -> stale */
void inode_take_over_locked(struct inodes *t, struct inode *inode, struct value *base, pid_t owner);
/*
 * Private -> scratch file. A fresh one gets the end that a set here would get now; from now on
 * meta.own is the end of the file, and `given` an end, no wish.
 */
void inode_make_scratch_locked(struct inodes *t, struct inode *inode);
/* Another private inode has become its name's holder: what it has is not pending any more, until
 * somebody writes on; it is stale when it is closed. */
void inode_supersede_locked(struct inodes *t, struct inode *inode);
void inode_end_scratch_locked(struct inodes *t, struct inode *inode); /* the caller has a pin */
/* A scratch file was opened, closed, stored or changed: whether it rests, from now on. */
void inode_rest_locked(struct inodes *t, struct inode *inode);
/* Whether a scratch file holds what no layer has under its name. */
bool inode_is_unstored_locked(const struct inode *inode);
void inode_note_unstored_locked(struct inode *inode);
bool inode_scratch_is_over_locked(const struct inode *inode);
/* When a scratch file ends; none: not while it is one. */
struct end inode_scratch_end_locked(const struct inode *inode);
void inode_settle_locked(struct inodes *t,
			 struct inode *inode); /* last writer or ticket may be gone */
void inode_detach_locked(struct inodes *t, struct inode *inode); /* unlinked: no name any more */

/*
 * The inodes of one file move with it; what presented the target is unlinked. published: the entry
 * moves too, not only what is pending.
 */
void name_move_files_locked(struct inodes *t, struct name *from, struct name *to, bool published);

/* One inode gets that name, without the lists of either. */
void inode_rename_locked(struct inodes *t, struct inode *inode, struct name *to);

#endif
