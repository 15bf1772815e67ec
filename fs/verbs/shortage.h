#ifndef CACHEFS_SHORTAGE_H
#define CACHEFS_SHORTAGE_H

/*
 * What the daemon itself is short of (descriptors, memory), where no layer says so: a program gets
 * an errno that tells it nothing of the daemon, so the log has to. One line when something fails
 * for want of it, and one when that works again and has not failed for some seconds: where memory
 * is short, small requests go on between large ones that fail. Made with = {0}. Thread-safe.
 */

#include <stdatomic.h>

struct time_source;

struct shortage {
	atomic_bool told;
	atomic_int_fast64_t failed_ms; /* when it failed last */
};

/* What came of an attempt to do something (the rest of "cannot ..."): 0 or -errno, which is
 * returned. Only -EMFILE, -ENFILE and -ENOMEM are shortages. */
int shortage_note(struct shortage *s, const struct time_source *time, const char *what, int rc);

#endif
