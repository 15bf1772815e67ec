#ifndef CACHEFS_DRAIN_H
#define CACHEFS_DRAIN_H

/*
 * The thread that writes the rows of the journal to the slower layers, oldest first. A row is
 * removed when at least one durable layer has the value and has synced it, which keeps the promise
 * of fsync. If one layer fails and another does not, the teller applies the change later
 * (teller.c). If all fail, the row stays, and the drain tries again after growing pauses.
 * Thread-safe.
 */

#include "ledger/journal_dirs.h"
#include "ledger/journal_queue.h"
#include "stack/stack.h"

struct drain;

/* Starts the thread. It writes to the layers from index `first` on, which follow the journal. NULL:
 * no memory, or no thread. */
struct drain *drain_start(struct layered *c, struct journal *journal, size_t first);

/* Wakes the drain: the journal has a new row. Never waits. */
void drain_soon(struct drain *d);

/* As layered_flush(). Ends a pause of the drain at once. */
int drain_flush(struct drain *d, struct key prefix, int64_t deadline_ms);

/* From now on no flush waits: -ETIMEDOUT if there are rows to write. The thread goes on. */
void drain_ending(struct drain *d);

/* Goes on until no row is left, no row can be written, or timeout_ms is over. Frees d. */
void drain_stop(struct drain *d, int64_t timeout_ms);

#endif
