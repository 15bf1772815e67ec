#ifndef CACHEFS_STATE_LOCK_H
#define CACHEFS_STATE_LOCK_H

/* The lock of a state directory, DIR/lock: one daemon at a time has it, and says there who it is.
 * An fd that holds it (flock) is its taker's. */

#include <stdbool.h>

#include "base/problem.h"

/* What the lock file says of its holder. */
enum state_holder { STATE_RUNNING, STATE_ENDING };

/* Makes the directory and takes its lock, for a daemon that runs; one that ends is waited for. 0 or
 * -EINVAL with the problem set; *fd may be open then too. */
int state_lock_take(const char *dir, int *fd, struct problem *problem);
void state_lock_mark(int fd, enum state_holder holder);

/* Whether the lock that the fd holds is the one in the directory. */
bool state_lock_is_held(const char *dir, int fd);

/* The directory and a lock in it, in the place of *fd's. 0 or -errno, and the log has been told:
 * -EBUSY: another daemon has it now. */
int state_lock_again(const char *dir, int *fd);

#endif
