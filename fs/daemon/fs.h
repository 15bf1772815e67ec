#ifndef CACHEFS_FS_H
#define CACHEFS_FS_H

/*
 * One mounted cache: the inode table, the handles and the locks over a stack of layers. server.c
 * makes it. verbs/fs_state.h has its parts, requests/ops.h its requests.
 */

#include "config/config.h"
#include "daemon/mount.h"
#include "inspect/request_counts.h"
#include "verbs/notifier.h"

struct fs;

/* Opens the layers. config and time outlive it. 0, or -errno with the problem set. */
int fs_new(const struct config *config, const struct time_source *time, struct fs **fs,
	   struct problem *problem);

/* Call when the cache is mounted and nothing is served yet: sets the notifier, and the loop's
 * counters that are shown. Both outlive the fs. */
void fs_attach(struct fs *fs, const struct mount *mount, struct notifier *notifier,
	       const struct request_counts *requests);

/*
 * For loop_run()'s hooks. fs_tick(): answers requests for locks that have waited as long as a
 * request may. fs_ending(): answers requests that only wait (for a lock, for room in the journal, a
 * flush). fs_wake(): makes every waiting handler return.
 */
void fs_tick(void *fs);
void fs_ending(void *fs);
void fs_wake(void *fs);

/* Before anything is served: sets how long a request may wait. */
void fs_answer_within(struct fs *fs, int64_t limit_ms);

/* ready() is called once, in the INIT handler: the mount answers. */
void fs_on_ready(struct fs *fs, void (*ready)(void *self), void *self);

/* Closes the layers, after the loop has ended. Unpublished content is dropped. */
void fs_free(struct fs *fs);

#endif
