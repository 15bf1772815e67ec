#ifndef CACHEFS_DRAIN_H
#define CACHEFS_DRAIN_H

/*
 * The thread that writes what the journal holds to the slower layers, oldest first. A row is taken
 * out when at least one durable layer has the value and has synced it: what fsync promised stays
 * true. A layer that fails beside one that does not is told later (teller.c); if all fail, the row
 * stays and is tried again, with growing pauses. Thread-safe.
 */

#include "ledger/journal_dirs.h"
#include "ledger/journal_queue.h"
#include "stack/stack.h"

struct drain;

/* Writes to the layers from index `first` on, which follow the journal. NULL: no memory, or no
 * thread. */
struct drain *drain_start(struct layered *c, struct journal *journal, size_t first);

/* There is something new. Never waits. */
void drain_soon(struct drain *d);

/* As layered_flush(). A pause ends at once. */
int drain_flush(struct drain *d, struct key prefix, int64_t deadline_ms);

/* From now on no flush waits: -ETIMEDOUT where something is owed. The thread goes on. */
void drain_ending(struct drain *d);

/* Goes on until nothing is left, nothing can be written, or the time is over. Frees. */
void drain_stop(struct drain *d, int64_t timeout_ms);

#endif
