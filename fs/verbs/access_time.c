/* See access_time.h. */
#include "verbs/access_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time_source.h"

/* Without the prefix "user.", which all that programs set have here. */
#define NAME "cachefs.atime"

/* As text: seconds.nanoseconds, and when that was said in ms. */
static bool was_set(const struct meta *meta, struct timespec *when, int64_t *said_ms)
{
	char text[80];
	size_t size;
	const void *bytes = xattrs_find(meta->xattrs, NAME, &size);
	int64_t seconds;

	if (!bytes || size >= sizeof(text))
		return false;
	memcpy(text, bytes, size);
	text[size] = '\0';
	if (sscanf(text, "%" SCNd64 ".%9ld %" SCNd64, &seconds, &when->tv_nsec, said_ms) != 3 ||
	    when->tv_nsec < 0)
		return false;
	when->tv_sec = (time_t)seconds;
	return true;
}

struct timespec access_time(const struct meta *meta)
{
	struct timespec hit = { .tv_sec = meta->hit_ms / 1000,
				.tv_nsec = meta->hit_ms % 1000 * 1000000 };
	struct timespec when;
	int64_t said_ms;

	if (was_set(meta, &when, &said_ms))
		return meta->hits > 0 && meta->hit_ms > said_ms ? hit : when;
	return meta->hits > 0 && time_is_later(&hit, &meta->mtime) ? hit : meta->mtime;
}

void access_time_set(struct meta *meta, struct timespec when, int64_t now_ms)
{
	struct xattrs *changed;
	char text[80];

	int size = snprintf(text, sizeof(text), "%" PRId64 ".%09ld %" PRId64, (int64_t)when.tv_sec,
			    when.tv_nsec, now_ms);
	if (xattrs_with(meta->xattrs, NAME, text, (size_t)size, &changed) < 0)
		return;
	xattrs_unref(meta->xattrs);
	meta->xattrs = changed;
}

void access_time_unset(struct meta *meta)
{
	struct xattrs *changed;

	if (xattrs_without(meta->xattrs, NAME, &changed) < 0)
		return;
	xattrs_unref(meta->xattrs);
	meta->xattrs = changed;
}

bool access_time_is_attribute(const char *name)
{
	return strcmp(name, NAME) == 0;
}
