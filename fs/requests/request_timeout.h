#ifndef CACHEFS_REQUEST_TIMEOUT_H
#define CACHEFS_REQUEST_TIMEOUT_H

/*
 * How long the kernel lets a request wait before it aborts the whole mount (Linux 6.15 and later,
 * /proc/sys/fs/fuse/{default,max}_request_timeout, 0: for ever). The default counts where a daemon
 * asks for nothing; what it asks for is cut to the maximum. Where both are 0, asking for anything
 * would switch a timeout on.
 */

#include <stdint.h>

struct request_timeout {
	unsigned default_s, max_s; /* the kernel's two numbers */
	unsigned asked_s; /* what to ask for, and then what counts; 0: nothing, there is none */
};

/* The longest that these two allow. */
struct request_timeout request_timeout_of(unsigned default_s, unsigned max_s);

/* As it is now; or as a test wants it, see test_switches.h. */
struct request_timeout request_timeout_read(void);

/* By when a request has to be answered; 0: whenever. It may have lain in the kernel's queue before,
 * and clocks are looked at now and then. */
int64_t request_timeout_answer_ms(const struct request_timeout *timeout);

#endif
