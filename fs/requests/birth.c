/* See birth.h. */
#include "requests/birth.h"

#include <linux/fuse.h>
#include <linux/stat.h>
#include <string.h>

enum { OPCODE_STATX = 52 };

/* As the kernel's header has them since 7.39; Debian 12's is of 7.38. */
struct statx_in {
	struct fuse_getattr_in getattr; /* the same flags and file handle */
	uint32_t sx_flags, sx_mask;
};

struct statx_time {
	int64_t seconds;
	uint32_t nanoseconds;
	int32_t reserved;
};

struct statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec, flags;
	uint64_t spare[2];
	struct {
		uint32_t mask, blksize;
		uint64_t attributes;
		uint32_t nlink, uid, gid;
		uint16_t mode, spare0;
		uint64_t ino, size, blocks, attributes_mask;
		struct statx_time atime, btime, ctime, mtime;
		uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
		uint64_t spare2[14];
	} stat;
};

_Static_assert(sizeof(struct statx_in) == 24, "as the kernel sends it");
_Static_assert(sizeof(struct statx_out) == 288, "as the kernel expects it");

/* The STATX that this thread is about. */
static _Thread_local struct {
	bool pending;
	uint64_t unique;
	int64_t created_ms;
} asked;

size_t birth_read(void *request, size_t size)
{
	struct fuse_in_header *in = request;
	const size_t as_getattr = sizeof(*in) + sizeof(struct fuse_getattr_in);

	asked.pending = size == sizeof(*in) + sizeof(struct statx_in) && in->opcode == OPCODE_STATX;
	if (!asked.pending)
		return size;
	asked.unique = in->unique;
	asked.created_ms = 0;
	in->opcode = FUSE_GETATTR;
	in->len = (uint32_t)as_getattr;
	return as_getattr;
}

bool birth_is_asked(void)
{
	return asked.pending;
}

void birth_tell(int64_t created_ms)
{
	asked.created_ms = created_ms;
}

static struct statx_time time_of(uint64_t seconds, uint32_t nanoseconds)
{
	return (struct statx_time){ .seconds = (int64_t)seconds, .nanoseconds = nanoseconds };
}

static struct statx_out convert(const struct fuse_attr_out *out, int64_t created_ms)
{
	const struct fuse_attr *a = &out->attr;
	struct statx_out statx = {
		.attr_valid = out->attr_valid,
		.attr_valid_nsec = out->attr_valid_nsec,
		.stat = {
			.mask = STATX_BASIC_STATS | (created_ms > 0 ? STATX_BTIME : 0),
			.blksize = a->blksize,
			.nlink = a->nlink,
			.uid = a->uid,
			.gid = a->gid,
			.mode = (uint16_t)a->mode,
			.ino = a->ino,
			.size = a->size,
			.blocks = a->blocks,
			.atime = time_of(a->atime, a->atimensec),
			.ctime = time_of(a->ctime, a->ctimensec),
			.mtime = time_of(a->mtime, a->mtimensec),
		},
	};

	if (created_ms > 0)
		statx.stat.btime = time_of((uint64_t)created_ms / 1000,
					   (uint32_t)(created_ms % 1000) * 1000000);
	return statx;
}

bool birth_write(int fd, const struct iovec *iov, int count, ssize_t *written)
{
	struct fuse_out_header head = { 0 };

	if (!asked.pending || iov[0].iov_len != sizeof(head))
		return false;
	memcpy(&head, iov[0].iov_base, sizeof(head));
	if (head.unique != asked.unique || head.error != 0 || count != 2 ||
	    iov[1].iov_len != sizeof(struct fuse_attr_out))
		return false;
	asked.pending = false;
	struct fuse_attr_out attributes;
	memcpy(&attributes, iov[1].iov_base, sizeof(attributes));
	struct statx_out statx = convert(&attributes, asked.created_ms);
	head.len = (uint32_t)(sizeof(head) + sizeof(statx));
	const struct iovec reply[2] = { { &head, sizeof(head) }, { &statx, sizeof(statx) } };
	*written = writev(fd, reply, 2);
	/* libfuse compares it with what it gave. */
	if (*written == (ssize_t)head.len)
		*written = (ssize_t)(iov[0].iov_len + iov[1].iov_len);
	return true;
}
