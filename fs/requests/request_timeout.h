#ifndef CACHEFS_REQUEST_TIMEOUT_H
#define CACHEFS_REQUEST_TIMEOUT_H

/*
 * The time after which the kernel aborts the whole mount because a request has no answer (Linux
 * 6.15 and later, /proc/sys/fs/fuse/{default,max}_request_timeout; 0: no limit). The default counts
 * if a daemon asks for no timeout; a timeout that it asks for is cut to the maximum. If both are 0,
 * asking for any timeout would switch one on.
 */

#include <stdint.h>

struct request_timeout {
	unsigned default_s, max_s; /* the kernel's two numbers */
	unsigned asked_s; /* asked for, and then in force; 0: do not ask, there is no timeout */
};

/* The longest timeout that these two allow. */
struct request_timeout request_timeout_of(unsigned default_s, unsigned max_s);

/* The present timeout; or the one that a test wants, see test_switches.h. */
struct request_timeout request_timeout_read(void);

/* The time within which the daemon has to answer; 0: no limit. It is shorter than the timeout,
 * because a request may have waited in the kernel's queue, and clocks are looked at only now and
 * then. */
int64_t request_timeout_answer_ms(const struct request_timeout *timeout);

#endif
