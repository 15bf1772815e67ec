#ifndef CACHEFS_DRAIN_WRITE_H
#define CACHEFS_DRAIN_WRITE_H

/*
 * What the drain does with one thing that the journal holds: writes it to the layers behind the
 * journal, with its key to itself. A layer that fails beside one that does not is told later
 * (teller.h). Thread-safe.
 */

#include "ledger/journal_dirs.h"
#include "ledger/journal_queue.h"
#include "stack/stack.h"

/* From where to where. */
struct drain_path {
	struct layered *cache;
	struct journal *journal;
	size_t first; /* the first layer behind the journal */
};

/* The layers of a path that a bit is for, the first one's the lowest. */
#define DRAIN_ALL_LAYERS UINT64_MAX

enum drain_verdict {
	DRAIN_WRITTEN, /* at least one durable layer has it, or it is over */
	DRAIN_GONE,    /* there is nothing to be written any more */
	DRAIN_BUSY,    /* it is being changed: later */
	DRAIN_FAILED, /* no durable layer took it; or one has an older value, and nothing says so */
	DRAIN_UNREACHABLE, /* no durable layer answers */
	DRAIN_VERDICTS
};

/* *takers: the durable layers that have it now, one of which is to sync it. A marker: it has to be
 * the one that the journal still has. */
enum drain_verdict drain_write_row(const struct drain_path *p, const struct journal_item *item,
				   uint64_t *takers);
enum drain_verdict drain_write_marker(const struct drain_path *p,
				      const struct journal_marker *marker, uint64_t *takers);

/* Syncs the layers. Those that have what they took for good; one that does not answer had it taken
 * away. */
uint64_t drain_sync(const struct drain_path *p);

#endif
