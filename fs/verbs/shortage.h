#ifndef CACHEFS_SHORTAGE_H
#define CACHEFS_SHORTAGE_H

/*
 * A shortage of the daemon itself (descriptors, memory) that no layer reports. A program gets an
 * errno that says nothing about the daemon, so the log must say it. The log gets one line when
 * something fails for want of it, and one line when that works again and has not failed for some
 * seconds: if memory is short, small requests succeed between large ones that fail. Made with =
 * {0}. Thread-safe.
 */

#include <stdatomic.h>

struct time_source;

struct shortage {
	atomic_bool told;
	atomic_int_fast64_t failed_ms; /* when it failed last */
};

/* Notes the result of an attempt to do something; what: the rest of "cannot ...". rc: 0 or -errno,
 * which is returned. Only -EMFILE, -ENFILE and -ENOMEM are shortages. */
int shortage_note(struct shortage *s, const struct time_source *time, const char *what, int rc);

#endif
