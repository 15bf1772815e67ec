#ifndef CACHEFS_FILE_TURN_H
#define CACHEFS_FILE_TURN_H

/*
 * Whose turn it is to change a file layer: one change at a time, and none before the index is
 * there. A turn is a state, not a lock: files are read and written within it. Who waits for one
 * waits for as long as something is done (f->life moves), else half a minute. Call these with no
 * lock held.
 *
 *   loading --file_turn_loaded--> idle --file_change_begin--> changing --file_change_end--> idle
 */

#include "file/layer.h"

/* Waits until the index is there. 0; -EHOSTDOWN: nothing has been done of it for a while. */
int file_wait_loaded(struct file_layer *f);

/* The index is there, from now on. */
void file_turn_loaded(struct file_layer *f);

/* The one change at a time. -EHOSTDOWN: the one before does nothing any more; nothing to end then.
 */
int file_change_begin(struct file_layer *f);
void file_change_end(struct file_layer *f);

/* Whether this thread may change the layer now: within a change of its own, or nobody else is about
 * (the layer is loading or ending). For asserts. */
bool file_may_change(const struct file_layer *f);

/*
 * Within a change of very many files, after each: when it has had its time, others have a turn
 * before it goes on. Made with = {0}. Before the layer has loaded nobody has one.
 */
struct file_step {
	int64_t begun_ms;
	int files;
};
void file_change_step(struct file_layer *f, struct file_step *step);

/* Renames of directories, which such a turn must not meet, come one at a time. As begin() and
 * end(), and before them. */
int file_move_begin(struct file_layer *f);
void file_move_end(struct file_layer *f);

#endif
