#ifndef CACHEFS_PUBLISH_H
#define CACHEFS_PUBLISH_H

/* The one place where a set becomes visible. */

#include "fs_state.h"

/*
 * Publishes what the private inode's writers have made, if there is anything unpublished. Waits
 * (after waiting_begin()). 0 also when there was nothing to do or the inode was unlinked meanwhile;
 * otherwise the layers' -errno: the old value is still there, and the content is withheld until
 * somebody writes on. Call with no lock held and the inode pinned.
 */
int publish(struct fs *fs, struct inode *inode);

/* Whether the process or thread is being ended by a signal right now: what it has written is not
 * complete. */
bool publish_writer_is_killed(pid_t tid);

/* The TTL that a set below dir gets, in ms; -1: none. */
int64_t publish_default_ttl_locked(const struct inode *dir);

#endif
