#ifndef CACHEFS_NAME_H
#define CACHEFS_NAME_H

/*
 * Names and their keys: see inode.h. The inode table's lock guards everything; the two functions
 * that read keys and do not end in _locked take it themselves. name_put_locked() is in inode.h,
 * because the last reference to a name unpins its directory.
 */

#include "inodes/inode.h"

struct name {
	struct inode *dir; /* a pin */
	struct name *next_hash;
	struct name *next, *previous; /* in dir->names */
	unsigned refs;
	uint64_t changed_at;    /* the table's clock at its last change (set, remove, rename) */
	struct inode *version;  /* presents the current value; no reference */
	struct inode *holder;   /* private inode whose content is current or pending: joinable */
	struct inode *privates; /* all private inodes of this name */
	struct inode *stale;    /* all stale ones: the kernel may still know the file by one */
	struct inode *subdir;   /* inode of the directory, or of what a layer shows; no reference */
	bool unlinked;          /* by the kernel, and nothing was published since */
	unsigned publishing;    /* closes whose publish opens must wait for */
	int64_t file_until_ms;  /* the entry is known to be no directory until then (mono) */
	bool is_own;            /* it stands for its directory's own value and has no part */
	struct key part;        /* the text, or the bytes after it */
	size_t size;
	char text[]; /* terminated: the name as the kernel knows it */
};

/* Finds or makes a name of a directory. The caller gets a reference; NULL: no memory. */
struct name *name_get_locked(struct inodes *t, struct inode *dir, struct key text);

/* As name_get_locked(), with the part given: for a text from which no part can be decoded. */
struct name *name_get_part_locked(struct inodes *t, struct inode *dir, struct key text,
				  struct key part);
struct name *name_find_locked(struct inodes *t, struct inode *dir,
			      struct key text);                      /* no reference; or NULL */
struct name *name_find_key_locked(struct inodes *t, struct key key); /* by its whole key */

/* Adds a reference; name_put_locked() drops it. */
void name_ref_locked(struct name *name);

/* Drops a reference. Returns the directory to unpin, if that was the last reference; otherwise
 * NULL. Only for name_put_locked(). */
struct inode *name_drop_locked(struct inodes *t, struct name *name);

void name_touch_locked(struct inodes *t,
		       struct name *name); /* after a change: sets changed_at, wakes the waiters */

/* The key of a name, or of a directory; below `.cachefs/layers` the path from there. -ENAMETOOLONG;
 * -ENOENT: below a removed directory. */
int name_key_locked(const struct inodes *t, const struct name *name, struct key_buffer *key);
int inode_key_locked(const struct inodes *t, const struct inode *inode,
		     struct key_buffer *key); /* -ENOENT: it has no name */
int inode_key(struct inodes *t, const struct inode *inode, struct key_buffer *key); /* locks */

/*
 * For a change that was admitted by a key. While the change waited, the inode, the name or a
 * directory above may have been renamed. 0: the key is still right; -EAGAIN: the key has changed,
 * begin again with the new key; -ENOENT: there is no key any more, because a directory above was
 * removed.
 */
int name_check_key_locked(const struct inodes *t, const struct name *name, struct key key);
int inode_check_key_locked(const struct inodes *t, const struct inode *inode, struct key key);
int inode_check_key(struct inodes *t, const struct inode *inode, struct key key); /* locks */

/* True if the keys in dir begin there: dir is the root, or the top of what one layer shows. */
bool inode_is_top_locked(const struct inodes *t, const struct inode *dir);

/* True if it is the name of a lock: the program that made or holds such a file depends on it. */
bool name_is_lock(const struct name *name);

/* Adds a file inode to the list of its name that fits its state, or removes it from the list. For
 * inode_state.h and the freeing of inodes. An inode that leaves a list is not the name's holder any
 * more. */
void name_list_locked(struct inode *inode);
void name_unlist_locked(struct inode *inode);

#endif
