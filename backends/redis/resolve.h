#ifndef CACHEFS_RESOLVE_H
#define CACHEFS_RESOLVE_H

/*
 * The addresses of a host, asked for with a deadline. getaddrinfo() has none: with a name server
 * that does not answer it takes as long as resolv.conf says, half a minute as a rule, and nothing
 * can end it. So it runs in a thread of its own, which is left to itself when it takes too long;
 * at most one per struct resolve.
 */

#include <netdb.h>
#include <stdint.h>

#include "base/time_source.h"

struct resolve;

/* Asks. Borrows nothing. NULL: out of memory or threads. */
struct resolve *resolve_new(const char *host, uint64_t port);

/*
 * Waits for the answer until the deadline; may be called again. 0 with the addresses, which are
 * the caller's (freeaddrinfo()); -ETIMEDOUT: not yet; -ECANCELED; -EHOSTDOWN: there are none, *why
 * says why (a static text).
 */
int resolve_wait(struct resolve *resolve, const struct deadline *deadline, struct addrinfo **found,
		 const char **why);

/* Ends a wait of another thread, and all that follow. */
void resolve_cancel(struct resolve *resolve);

/* Never waits: a thread that is still asking ends by itself. NULL is fine. */
void resolve_free(struct resolve *resolve);

#endif
