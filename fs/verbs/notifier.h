#ifndef CACHEFS_NOTIFIER_H
#define CACHEFS_NOTIFIER_H

/*
 * Tells the kernel which of its knowledge is out of date. No other file calls the kernel's
 * notification calls, and no other file below requests/ knows libfuse. Each mount has one queue and
 * one thread, because a notification may block as long as anybody holds the directory. Callers
 * change the state first and then notify. Notifications keep stat and ls fresh; nothing that must
 * be right depends on them. Thread-safe. The lock is RANK_NOTIFIER, so the functions that queue may
 * be called under other locks.
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
/* Drops the queue and joins the thread, so the session must be unmounted. NULL is fine. */
void notifier_free(struct notifier *n);

/*
 * The kernel shall forget the inode of `name` in directory `parent`. name is copied. If the bounded
 * queue is full, or without memory, all names are invalidated instead.
 */
void notifier_inval_entry(struct notifier *n, uint64_t parent, const char *name, size_t name_size);

/* Invalidates all names of the mount: by FUSE_NOTIFY_INC_EPOCH if the kernel knows it (6.16);
 * otherwise does nothing. */
void notifier_inval_all(struct notifier *n);

/* Waits, at most wait_ms, until all notifications queued before the call are delivered. False: they
 * are not. Call with no lock held. */
bool notifier_flush(struct notifier *n, int64_t wait_ms);

/*
 * The kernel shall keep these bytes as the beginning of an inode's content, so that a first get
 * needs no READ. The calling thread does it at once. It serves a request of that inode, so the
 * kernel waits for nobody. Call with no lock held. If the kernel refuses, nothing changes.
 */
void notifier_store(struct notifier *n, uint64_t ino, const void *bytes, size_t size);

struct notifier_stats {
	uint64_t entries, epochs, overflows, errors;
	uint64_t queued;
	bool epoch_supported;
};
void notifier_stats(struct notifier *n, struct notifier_stats *stats);

#endif
