#ifndef CACHEFS_STATE_LOCK_H
#define CACHEFS_STATE_LOCK_H

/* The lock of a state directory, DIR/lock. One daemon at a time holds it (flock), and writes its
 * pid there. The fd that holds the lock belongs to the caller that took it. */

#include <stdbool.h>

#include "base/problem.h"

/* What the lock file says about its holder. */
enum state_holder { STATE_RUNNING, STATE_ENDING };

/* Makes the directory and takes its lock, for a daemon that runs; waits for one that ends. 0 or
 * -EINVAL with the problem set; *fd may be open then too. */
int state_lock_take(const char *dir, int *fd, struct problem *problem);
void state_lock_mark(int fd, enum state_holder holder);

/* True if the lock that the fd holds is the one in the directory. */
bool state_lock_is_held(const char *dir, int fd);

/* Makes the directory and a lock in it, which replaces *fd. 0 or -errno, which is logged; -EBUSY:
 * another daemon has the lock now. */
int state_lock_again(const char *dir, int *fd);

#endif
