#ifndef CACHEFS_NOTIFIER_H
#define CACHEFS_NOTIFIER_H

/*
 * Tells the kernel what is no longer true. The only caller of the kernel's notification calls, and
 * the only file below requests/ that knows libfuse: a queue and one thread per mount, because a
 * notification may block as long as anybody holds the directory. New state first, then the
 * notification. It keeps stat and ls fresh; nothing that must be right depends on it. Thread-safe;
 * its lock is RANK_NOTIFIER, so what queues may be called under others.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/time_source.h"

struct notifier;

/* Starts the thread. se and time outlive it. NULL: out of memory. */
struct notifier *notifier_new(struct fuse_session *se, const struct time_source *time);
/* Drops what is queued; joins the thread, so the session has to be unmounted. NULL is fine. */
void notifier_free(struct notifier *n);

/*
 * The kernel shall forget what `name` in directory `parent` led to. name is copied; on overflow of
 * the bounded queue, or without memory, everything is invalidated instead.
 */
void notifier_inval_entry(struct notifier *n, uint64_t parent, const char *name, size_t name_size);

/* All names of the mount: FUSE_NOTIFY_INC_EPOCH where the kernel knows it (6.16), otherwise
 * nothing. */
void notifier_inval_all(struct notifier *n);

/* Waits until all that was queued before the call is delivered, at most wait_ms. False: it is not.
 * Call with no lock held. */
bool notifier_flush(struct notifier *n, int64_t wait_ms);

/*
 * The kernel shall keep these bytes as the content of an inode from its beginning, so that a first
 * get needs no READ. At once, by the calling thread, which serves a request of that inode: the
 * kernel waits for nobody then. Call with no lock held. It is a favour: a refusal changes nothing.
 */
void notifier_store(struct notifier *n, uint64_t ino, const void *bytes, size_t size);

struct notifier_stats {
	uint64_t entries, epochs, overflows, errors;
	uint64_t queued;
	bool epoch_supported;
};
void notifier_stats(struct notifier *n, struct notifier_stats *stats);

#endif
