#ifndef CACHEFS_FS_H
#define CACHEFS_FS_H

/*
 * One mounted cache: the inode table, the handles and the locks over a stack of layers. server.c
 * makes it; what it consists of is in verbs/fs_state.h, its requests are in requests/ops.h.
 */

#include "config/config.h"
#include "daemon/mount.h"
#include "inspect/request_counts.h"
#include "verbs/notifier.h"

struct fs;

/* Opens the layers. config and time outlive it. 0, or -errno with the problem set. */
int fs_new(const struct config *config, const struct time_source *time, struct fs **fs,
	   struct problem *problem);

/* It is mounted, nothing is served yet: gives the fs its notifier, and the loop's counters to be
 * shown. Both outlive the fs. */
void fs_attach(struct fs *fs, const struct mount *mount, struct notifier *notifier,
	       const struct request_counts *requests);

/* For loop_run's hooks: answers the locks that have waited as long as a request may; at the end,
 * who only waits (for a lock, for room in the journal, a flush); makes every handler that waits
 * return.
 */
void fs_tick(void *fs);
void fs_ending(void *fs);
void fs_wake(void *fs);

/* Before anything is served: how long a request may wait. */
void fs_answer_within(struct fs *fs, int64_t limit_ms);

/* Called in the INIT handler, once: the mount answers. */
void fs_on_ready(struct fs *fs, void (*ready)(void *self), void *self);

/* Closes the layers; the loop has ended. What is unpublished is dropped. */
void fs_free(struct fs *fs);

#endif
