#ifndef CACHEFS_NAME_H
#define CACHEFS_NAME_H

/*
 * Names and their keys: see inode.h. All is guarded by the inode table's lock, which
 * the two functions without _locked take themselves. name_put_locked() is
 * inode.h's, because the last reference to a name lets its directory go.
 */

#include "inodes/inode.h"

struct name {
	struct inode *dir; /* a pin */
	struct name *next_hash;
	struct name *next, *previous; /* in dir->names */
	unsigned refs;
	uint64_t changed_at;    /* the table's clock at its last change (set, remove, rename) */
	struct inode *version;  /* presents the current value; no reference */
	struct inode *holder;   /* private inode whose content is the current one, or only pending:
				   joinable */
	struct inode *privates; /* all private inodes of this name */
	struct inode *stale;    /* and all stale ones: the kernel may still hold the file by one */
	struct inode *subdir;   /* directory inode, or what a layer shows; no reference */
	bool unlinked;          /* by the kernel, and nothing was published since */
	unsigned publishing;    /* closes whose publish opens must wait for */
	int64_t file_until_ms;  /* until then an entry is taken for no directory (time_mono_ms) */
	bool is_own;            /* it stands for its directory's own value: no part */
	struct key part;        /* the text, or bytes behind it */
	size_t size;
	char text[]; /* terminated: the name as the kernel knows it */
};

/* A name of a directory. A reference; NULL: no memory. */
struct name *name_get_locked(struct inodes *t, struct inode *dir, struct key text);

/* As name_get_locked(), of a text that shows this part: for those that do not tell it themselves.
 */
struct name *name_get_part_locked(struct inodes *t, struct inode *dir, struct key text,
				  struct key part);
struct name *name_find_locked(struct inodes *t, struct inode *dir,
			      struct key text);                      /* no reference; or NULL */
struct name *name_find_key_locked(struct inodes *t, struct key key); /* by its whole key */

/* One reference more; name_put_locked() gives it back. */
void name_ref_locked(struct name *name);

/* Drops a reference. The directory that loses a pin, because it was the last one; else NULL. Only
 * for name_put_locked(). */
struct inode *name_drop_locked(struct inodes *t, struct name *name);

void name_touch_locked(struct inodes *t,
		       struct name *name); /* it has changed: changed_at, waiters */

/* The key of a name, or of a directory; below `.cachefs/layers` the path from there.
 * -ENAMETOOLONG. */
int name_key_locked(const struct inodes *t, const struct name *name, struct key_buffer *key);
int inode_key_locked(const struct inodes *t, const struct inode *inode,
		     struct key_buffer *key); /* -ENOENT: no name */
int inode_key(struct inodes *t, const struct inode *inode, struct key_buffer *key); /* locks */

/*
 * For a change that has been admitted by a key, which may be an old one: the inode, the name or a
 * directory above was renamed while it waited. 0; -EAGAIN: so it was, begin again with the key of
 * now; -ENOENT: it has none, a directory above was removed.
 */
int name_check_key_locked(const struct inodes *t, const struct name *name, struct key key);
int inode_check_key_locked(const struct inodes *t, const struct inode *inode, struct key key);
int inode_check_key(struct inodes *t, const struct inode *inode, struct key key); /* locks */

/* Whether the keys in dir begin there: the root, or the top of what one layer shows. */
bool inode_is_top_locked(const struct inodes *t, const struct inode *dir);

/* Whether it is a lock's name: who holds such a file, or has made it, counts on it. */
bool name_is_lock(const struct name *name);

/* Puts a file inode into the list of its name that its state asks for, or takes it out; for
 * inode_state.h and the freeing of inodes. Who leaves is not the name's holder any more. */
void name_list_locked(struct inode *inode);
void name_unlist_locked(struct inode *inode);

#endif
