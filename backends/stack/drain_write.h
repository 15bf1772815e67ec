#ifndef CACHEFS_DRAIN_WRITE_H
#define CACHEFS_DRAIN_WRITE_H

/*
 * Writes one row or marker of the journal to the layers behind the journal, with its key admitted.
 * If one layer fails and another does not, the teller applies the change later (teller.h).
 * Thread-safe.
 */

#include "ledger/journal_dirs.h"
#include "ledger/journal_queue.h"
#include "stack/stack.h"

/* The journal, and the layers behind it. */
struct drain_path {
	struct layered *cache;
	struct journal *journal;
	size_t first; /* the first layer behind the journal */
};

/* A set of layers has a bit for each layer of the path; the lowest is that of layer `first`. */
#define DRAIN_ALL_LAYERS UINT64_MAX

enum drain_verdict {
	DRAIN_WRITTEN, /* at least one durable layer has it, or it has expired */
	DRAIN_GONE,    /* nothing is to be written any more */
	DRAIN_BUSY,    /* its key is being changed: try later */
	/* no durable layer took it; or a layer has an older value, and no tombstone is stored */
	DRAIN_FAILED,
	DRAIN_UNREACHABLE, /* no durable layer answers */
	DRAIN_VERDICTS
};

/* *takers: the durable layers that have taken it, one of which has to sync. drain_write_marker()
 * writes a marker only if the journal still has that very one. */
enum drain_verdict drain_write_row(const struct drain_path *p, const struct journal_item *item,
				   uint64_t *takers);
enum drain_verdict drain_write_marker(const struct drain_path *p,
				      const struct journal_marker *marker, uint64_t *takers);

/* Syncs the durable layers. Returns those that answered: they keep what they took. What a layer
 * that did not answer took counts as lost. */
uint64_t drain_sync(const struct drain_path *p);

#endif
