#ifndef CACHEFS_RESOLVE_H
#define CACHEFS_RESOLVE_H

/*
 * Looks up the addresses of a host, with a deadline. getaddrinfo() has none: if the name server
 * does not answer, it takes as long as resolv.conf says, usually half a minute, and nothing can end
 * it. So it runs in a thread of its own, at most one per struct resolve. A thread that takes too
 * long is left to end by itself.
 */

#include <netdb.h>
#include <stdint.h>

#include "base/time_source.h"

struct resolve;

/* Starts the lookup. Borrows nothing. NULL: out of memory or threads. */
struct resolve *resolve_new(const char *host, uint64_t port);

/*
 * Waits for the answer until the deadline; may be called again. Returns 0 with the addresses, which
 * the caller frees with freeaddrinfo(); -ETIMEDOUT: no answer yet; -ECANCELED; -EHOSTDOWN: there
 * are no addresses, and *why is the reason (a static text).
 */
int resolve_wait(struct resolve *resolve, const struct deadline *deadline, struct addrinfo **found,
		 const char **why);

/* Ends a wait of another thread, and every later wait. */
void resolve_cancel(struct resolve *resolve);

/* Never waits: a lookup that still runs ends by itself. NULL is allowed. */
void resolve_free(struct resolve *resolve);

#endif
