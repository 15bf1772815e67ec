/* The metadata of entries and directories. See meta.h. */
#include "base/meta.h"

#include <sys/stat.h>

void meta_copy(struct meta *to, const struct meta *from)
{
	*to = *from;
	xattrs_ref(to->xattrs);
}

void meta_move(struct meta *to, struct meta *from)
{
	if (to == from)
		return;
	meta_fini(to);
	*to = *from;
	*from = (struct meta){ 0 };
}

void meta_fini(struct meta *meta)
{
	xattrs_unref(meta->xattrs);
	*meta = (struct meta){ 0 };
}

void meta_update(struct meta *to, const struct meta *from, unsigned fields)
{
	if (fields & META_MODE)
		to->mode = from->mode;
	if (fields & META_OWNER) {
		to->uid = from->uid;
		to->gid = from->gid;
	}
	if (fields & META_TIMES) {
		to->mtime = from->mtime;
		to->ctime = from->ctime;
	}
	if (fields & META_INO)
		to->ino = from->ino;
	if (fields & META_EXPIRY) {
		to->own = from->own;
		to->copy = from->copy;
	}
	if (fields & META_XATTRS) {
		struct xattrs *old = to->xattrs;
		to->xattrs = xattrs_ref(from->xattrs);
		xattrs_unref(old);
	}
}

struct timespec meta_time(struct timespec time)
{
	if (time.tv_sec > META_SECONDS_MAX)
		return (struct timespec){ .tv_sec = META_SECONDS_MAX };
	if (time.tv_sec < -META_SECONDS_MAX)
		return (struct timespec){ .tv_sec = -META_SECONDS_MAX };
	return time;
}

uint32_t meta_privileges(const struct meta *meta)
{
	uint32_t bits = meta->mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID;

	return S_ISREG(meta->mode) ? meta->mode & bits : 0;
}

void meta_keep_owner(struct meta *to, const struct meta *known)
{
	if (!S_ISREG(known->mode))
		return;
	to->mode = known->mode & ~(uint32_t)(S_ISUID | S_ISGID);
	to->uid = known->uid;
	to->gid = known->gid;
}

bool meta_is_expired(const struct meta *meta, struct instant now)
{
	return end_is_over(meta->copy, now);
}

bool meta_same_value(const struct meta *a, const struct meta *b)
{
	if (a->version != b->version || a->ino != b->ino || a->size != b->size)
		return false;
	if (a->version > 0)
		return a->checksum == b->checksum;
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

bool meta_is_copy(const struct meta *copy, const struct meta *entry)
{
	return meta_same_value(copy, entry) && end_equal(copy->own, entry->own) &&
	       copy->mode == entry->mode && copy->uid == entry->uid && copy->gid == entry->gid &&
	       copy->ctime.tv_sec == entry->ctime.tv_sec &&
	       copy->ctime.tv_nsec == entry->ctime.tv_nsec;
}
