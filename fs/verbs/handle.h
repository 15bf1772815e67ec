#ifndef CACHEFS_HANDLE_H
#define CACHEFS_HANDLE_H

/*
 * Open files. A reader keeps the value it opened until it closes; a writer shares its inode's
 * working copy. Handles are freed by handle_release(); one request at a time may release, any
 * number may use one.
 */

#include "verbs/fs_state.h"
#include "verbs/holders.h"

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
	struct command_lines *commands; /* of `control`: what was written; else NULL */
	struct holders holders;         /* of a writer */
	uint64_t posix_owner; /* by whom: RELEASE does not say, and a reader has no FLUSH */
};

/* Who opens, and how. */
struct open_request {
	int flags; /* O_ACCMODE, O_TRUNC, which writes whatever the mode is */
	pid_t tid;
	uid_t uid; /* whom what is written through it is charged to */
};

/*
 * open(2) of an inode the kernel knows. -ESTALE: the kernel shall look the name up again (a ticket
 * is out, so the next try succeeds).
 */
int handle_open(struct fs *fs, struct inode *inode, const struct open_request *request,
		struct handle **handle);

/* open(O_CREAT) of a name that the kernel found absent; the inode comes with one lookup. */
struct create_request {
	struct open_request open;
	uint32_t mode, uid, gid;
};
int handle_create(struct fs *fs, struct inode *dir, struct key name,
		  const struct create_request *request, struct handle **handle);

/* open(2) of `.cachefs/control`. */
int handle_open_commands(struct fs *fs, struct inode *inode, struct handle **handle);

/* open(2) of a file that is not a key; takes over the text (NULL: -ENOMEM). */
int handle_open_text(struct fs *fs, struct inode *inode, struct value *text,
		     struct handle **handle);

/* Whether OPEN shall fill the kernel's page cache now (it is safe only for the first reader), and
 * with what. */
const struct value *handle_to_store(struct fs *fs, struct handle *handle);

ssize_t handle_read(struct handle *handle, void *buffer, size_t size, uint64_t offset);
int handle_write(struct fs *fs, struct handle *handle, const void *buffer, size_t size,
		 uint64_t offset, bool append);
int handle_truncate(struct fs *fs, struct handle *handle, uint64_t size);
int handle_extend(struct fs *fs, struct handle *handle,
		  uint64_t size); /* truncate that never shrinks */
/* Zeros in the place of a range, as far as the file goes. */
int handle_zero(struct fs *fs, struct handle *handle, uint64_t offset, uint64_t size);

/* Whether no other handle writes its file. */
bool handle_is_only_writer(struct fs *fs, const struct handle *handle);

/*
 * close(2) of one descriptor: publishes what came since the last publish, if that was the last one
 * of those who are known to hold the file (holders.h). O_APPEND: in any case. A set that was never
 * published, only if something was written through this handle.
 */
int handle_flush(struct fs *fs, struct handle *handle, struct caller caller);

/* Publishes and makes durable. */
int handle_fsync(struct fs *fs, struct handle *handle);

/* The last descriptor is gone; publishes what is still unpublished. May wait. */
void handle_release(struct fs *fs, struct handle *handle);

/* truncate(2): by path, published at once. -ESTALE as handle_open. */
int handle_truncate_path(struct fs *fs, struct inode *inode, uint64_t size, pid_t tid,
			 uid_t uid);

/* Frees what the kernel will not release any more. */
void handles_fini(struct fs *fs);

#endif
