#ifndef CACHEFS_HANDLE_H
#define CACHEFS_HANDLE_H

/*
 * Open files. A reader keeps the value that it opened until it closes; a writer shares its inode's
 * working copy. handle_open.h makes handles, handle_write.h changes the content that they have
 * open, and handle_close.h ends them. Only one request at a time may end a handle; any number may
 * use one. Functions return 0 or -errno.
 */

#include "verbs/fs_state.h"
#include "verbs/holders.h"

struct command_lines;

struct handle {
	struct handle *next, *previous; /* fs->handles */
	struct inode *inode;            /* a pin */
	bool writer;
	bool direct;         /* bypasses the kernel's page cache */
	bool shares;         /* an existing scratch file: the kernel may have old pages of it */
	struct value *value; /* of a reader; NULL: it reads the inode's content */
	bool wrote;          /* since the last publish through it; guarded by the content lock */
	bool held_back;      /* a close published nothing, as others hold the file; likewise */
	uid_t uid;           /* who opened it */
	bool appends;        /* O_APPEND: each append is complete in itself */
	int poisoned;        /* -errno of the write that failed: later calls fail with it, nothing
				is published; or 0 */
	bool publishes_last; /* its RELEASE is publishing; guarded by the inode table's lock */
	bool has_flock, has_posix; /* such a lock was requested through it */
	/* for lock_close.h; guarded by the inode table's lock, as are has_posix and posix_owner: */
	bool silent;                    /* the kernel does not report its closes */
	bool ends_posix;                /* its RELEASE ends the POSIX locks of `posix_owner` */
	struct command_lines *commands; /* of `control` (inspect/): the lines written; else NULL */
	void (*commands_free)(struct command_lines *commands);
	struct holders holders; /* of a writer */
	uint64_t posix_owner;   /* the lock owner: unknown to RELEASE, and a reader has no FLUSH */
};

/* For handle_open.h and handle_close.h: from _insert_locked() to _remove_locked(), the handle has
 * the inode open. */
void handle_insert_locked(struct fs *fs, struct handle *handle, struct inode *inode, bool writer);
void handle_remove_locked(struct fs *fs, struct handle *handle);
void handle_free(struct handle *handle);

/* True if no other handle writes the file. */
bool handle_is_only_writer(struct fs *fs, const struct handle *handle);

/* open(2) of `.cachefs/control`; takes over the lines (NULL: -ENOMEM). */
int handle_open_commands(struct fs *fs, struct inode *inode, struct command_lines *lines,
			 void (*lines_free)(struct command_lines *lines), struct handle **handle);

/* open(2) of a file that is not a key; takes over the text (NULL: -ENOMEM). */
int handle_open_text(struct fs *fs, struct inode *inode, struct value *text,
		     struct handle **handle);

/* The value with which OPEN shall fill the kernel's page cache now, or NULL. Filling is safe only
 * for the first reader. */
const struct value *handle_to_store(struct fs *fs, struct handle *handle);

ssize_t handle_read(struct handle *handle, void *buffer, size_t size, uint64_t offset);
/* Frees the handles that the kernel will not release any more. */
void handles_fini(struct fs *fs);

#endif
