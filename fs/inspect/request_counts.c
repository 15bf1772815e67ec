/* See request_counts.h. */
#include "inspect/request_counts.h"

#include <linux/fuse.h>
#include <stddef.h>

static const char *const names[REQUEST_OPCODES] = {
	[0] = "OTHER",
	[FUSE_LOOKUP] = "LOOKUP",
	[FUSE_FORGET] = "FORGET",
	[FUSE_GETATTR] = "GETATTR",
	[FUSE_SETATTR] = "SETATTR",
	[FUSE_READLINK] = "READLINK",
	[FUSE_SYMLINK] = "SYMLINK",
	[FUSE_MKNOD] = "MKNOD",
	[FUSE_MKDIR] = "MKDIR",
	[FUSE_UNLINK] = "UNLINK",
	[FUSE_RMDIR] = "RMDIR",
	[FUSE_RENAME] = "RENAME",
	[FUSE_LINK] = "LINK",
	[FUSE_OPEN] = "OPEN",
	[FUSE_READ] = "READ",
	[FUSE_WRITE] = "WRITE",
	[FUSE_STATFS] = "STATFS",
	[FUSE_RELEASE] = "RELEASE",
	[FUSE_FSYNC] = "FSYNC",
	[FUSE_SETXATTR] = "SETXATTR",
	[FUSE_GETXATTR] = "GETXATTR",
	[FUSE_LISTXATTR] = "LISTXATTR",
	[FUSE_REMOVEXATTR] = "REMOVEXATTR",
	[FUSE_FLUSH] = "FLUSH",
	[FUSE_INIT] = "INIT",
	[FUSE_OPENDIR] = "OPENDIR",
	[FUSE_READDIR] = "READDIR",
	[FUSE_RELEASEDIR] = "RELEASEDIR",
	[FUSE_FSYNCDIR] = "FSYNCDIR",
	[FUSE_GETLK] = "GETLK",
	[FUSE_SETLK] = "SETLK",
	[FUSE_SETLKW] = "SETLKW",
	[FUSE_ACCESS] = "ACCESS",
	[FUSE_CREATE] = "CREATE",
	[FUSE_INTERRUPT] = "INTERRUPT",
	[FUSE_BMAP] = "BMAP",
	[FUSE_DESTROY] = "DESTROY",
	[FUSE_IOCTL] = "IOCTL",
	[FUSE_POLL] = "POLL",
	[FUSE_NOTIFY_REPLY] = "NOTIFY_REPLY",
	[FUSE_BATCH_FORGET] = "BATCH_FORGET",
	[FUSE_FALLOCATE] = "FALLOCATE",
	[FUSE_READDIRPLUS] = "READDIRPLUS",
	[FUSE_RENAME2] = "RENAME2",
	[FUSE_LSEEK] = "LSEEK",
	[FUSE_COPY_FILE_RANGE] = "COPY_FILE_RANGE",
	[FUSE_SETUPMAPPING] = "SETUPMAPPING",
	[FUSE_REMOVEMAPPING] = "REMOVEMAPPING",
	[FUSE_SYNCFS] = "SYNCFS",
	[51] = "TMPFILE", /* not in the headers of Debian 12's kernel, as are later ones */
	[52] = "STATX",
};

void request_counts_add(struct request_counts *counts, uint32_t opcode)
{
	uint32_t known = opcode < REQUEST_OPCODES ? opcode : 0;

	atomic_fetch_add_explicit(&counts->by_opcode[known], 1, memory_order_relaxed);
}

void request_counts_read(const struct request_counts *counts, struct request_numbers *numbers)
{
	numbers->all = 0;
	for (int i = 0; i < REQUEST_OPCODES; i++) {
		numbers->by_opcode[i] = atomic_load_explicit(&counts->by_opcode[i],
							     memory_order_relaxed);
		numbers->all += numbers->by_opcode[i];
	}
	numbers->handovers = atomic_load_explicit(&counts->handovers, memory_order_relaxed);
	numbers->threads = atomic_load_explicit(&counts->threads, memory_order_relaxed);
	numbers->waiting = atomic_load_explicit(&counts->waiting, memory_order_relaxed);
}

const char *request_name(uint32_t opcode)
{
	return opcode < REQUEST_OPCODES ? names[opcode] : NULL;
}
