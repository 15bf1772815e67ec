#ifndef CACHEFS_UNOWNED_H
#define CACHEFS_UNOWNED_H

/* Bytes that the cache uses and that belong to no layer, so that no layer's limit counts them. */

#include "verbs/fs_state.h"

struct unowned {
	uint64_t pending_bytes;  /* working copies: of open files, and of scratch files */
	uint64_t pending_max;    /* their bound */
	uint64_t scratch_bytes;  /* of them, scratch files that nobody writes */
	uint64_t unlinked_bytes; /* values that readers have open and no name shows any more */
	uint64_t synced_bytes;   /* content of scratch files that fsync wrote, below state_dir */
	uint64_t journal_bytes;  /* set and not yet written to the slower layers */
};

void unowned_read(struct fs *fs, struct unowned *u);
uint64_t unowned_bytes(const struct unowned *u); /* all together */

#endif
