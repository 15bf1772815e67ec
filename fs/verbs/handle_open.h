#ifndef CACHEFS_HANDLE_OPEN_H
#define CACHEFS_HANDLE_OPEN_H

/* How files are opened. Functions return 0 or -errno, wait, and want no lock held. handle_release()
 * ends the handle. */

#include "verbs/handle.h"

/* Who opens the file, and how. */
struct open_request {
	int flags; /* O_ACCMODE, O_TRUNC, which writes whatever the mode is */
	pid_t tid;
	uid_t uid; /* who is charged for content written through the handle */
};

/*
 * open(2) of an inode that the kernel knows. -ESTALE: the kernel shall look the name up again; the
 * thread has a ticket, so the next try succeeds.
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

/* truncate(2) by path: published at once. -ESTALE as handle_open(). */
int handle_truncate_path(struct fs *fs, struct inode *inode, uint64_t size, pid_t tid, uid_t uid);

#endif
