#ifndef CACHEFS_HANDLE_H
#define CACHEFS_HANDLE_H

/*
 * Open files. A reader keeps the value it opened until it closes; a writer shares its inode's
 * working copy. handle_open.h makes handles, handle_write.h changes what they have open, and
 * handle_close.h ends them: one request at a time may end a handle, any number may use one.
 * Functions return 0 or -errno.
 */

#include "verbs/fs_state.h"
#include "verbs/holders.h"

struct command_lines;

struct handle {
	struct handle *next, *previous; /* fs->handles */
	struct inode *inode;            /* a pin */
	bool writer;
	bool direct; /* past the kernel's page cache */
	bool shares; /* a scratch file that was there: pages that the kernel has of it may be old */
	struct value *value; /* a reader's; NULL: it reads its inode's content */
	bool wrote;          /* since the last publish through it; guarded by the content lock */
	bool held_back;      /* a close published nothing, for others hold it; likewise */
	uid_t uid;           /* who opened it */
	bool appends;        /* O_APPEND: each append is whole by itself */
	int poisoned;        /* -errno of the write that failed: what follows fails so too, nothing is
				published; or 0 */
	bool publishes_last; /* in its RELEASE, under way; guarded by the inode table's lock */
	bool has_flock, has_posix;      /* such a lock was asked for through it */
	/* lock_close.h's, guarded by the inode table's lock, as are has_posix and posix_owner: */
	bool silent;     /* its closes are not told */
	bool ends_posix; /* its RELEASE ends the locks of `posix_owner` */
	struct command_lines *commands; /* of `control` (inspect/): what was written; else NULL */
	void (*commands_free)(struct command_lines *commands);
	struct holders holders;         /* of a writer */
	uint64_t posix_owner; /* by whom: RELEASE does not say, and a reader has no FLUSH */
};

/* For handle_open.h and handle_close.h: the handle opens the inode, or does so no more. */
void handle_insert_locked(struct fs *fs, struct handle *handle, struct inode *inode, bool writer);
void handle_remove_locked(struct fs *fs, struct handle *handle);
void handle_free(struct handle *handle);

/* Whether no other handle writes its file. */
bool handle_is_only_writer(struct fs *fs, const struct handle *handle);

/* open(2) of `.cachefs/control`; takes over the lines (NULL: -ENOMEM). */
int handle_open_commands(struct fs *fs, struct inode *inode, struct command_lines *lines,
			 void (*lines_free)(struct command_lines *lines), struct handle **handle);

/* open(2) of a file that is not a key; takes over the text (NULL: -ENOMEM). */
int handle_open_text(struct fs *fs, struct inode *inode, struct value *text,
		     struct handle **handle);

/* Whether OPEN shall fill the kernel's page cache now (it is safe only for the first reader), and
 * with what. */
const struct value *handle_to_store(struct fs *fs, struct handle *handle);

ssize_t handle_read(struct handle *handle, void *buffer, size_t size, uint64_t offset);
/* Frees what the kernel will not release any more. */
void handles_fini(struct fs *fs);

#endif
