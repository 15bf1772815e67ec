#ifndef CACHEFS_ROOT_OWNER_H
#define CACHEFS_ROOT_OWNER_H

/*
 * Mode and owner of the root directory, after somebody has changed them. A layer may lose the
 * root's marker (Redis evicts it), and a cache that was closed to others would be open. So the
 * daemon keeps them, too; in the state directory, if there is one, also over a restart.
 */

#include "verbs/fs_state.h"

/* Loads mode and owner that an earlier run has kept. */
void root_owner_load(struct fs *fs);

/* Keep mode and owner until the next change; _save() also over a restart. */
void root_owner_note_locked(struct fs *fs, const struct meta *meta);
void root_owner_save(struct fs *fs);

/* Fills metadata that have no mode. Does nothing if nobody has changed mode and owner. */
void root_owner_fill_locked(const struct fs *fs, struct meta *meta);

#endif
