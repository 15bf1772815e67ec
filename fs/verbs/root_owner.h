#ifndef CACHEFS_ROOT_OWNER_H
#define CACHEFS_ROOT_OWNER_H

/*
 * Mode and owner of the root directory, once somebody has changed them. A layer may lose its marker
 * (Redis evicts it), and a cache that was closed would be open: so the daemon keeps them as well,
 * and in the state directory, where there is one, over a restart.
 */

#include "verbs/fs_state.h"

/* What an earlier run has kept. */
void root_owner_load(struct fs *fs);

/* From now on, until the next change; and over a restart. */
void root_owner_note_locked(struct fs *fs, const struct meta *meta);
void root_owner_save(struct fs *fs);

/* Into metadata that have none. Nothing, if nobody has changed them. */
void root_owner_fill_locked(const struct fs *fs, struct meta *meta);

#endif
