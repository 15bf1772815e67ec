#ifndef CACHEFS_FILE_TURN_H
#define CACHEFS_FILE_TURN_H

/*
 * Turns to change a file layer: one change at a time, and none before the index has loaded. A turn
 * is a state, not a lock, so its owner may read and write files. A thread waits for a turn as long
 * as work goes on (f->life grows), otherwise half a minute. The caller holds no lock.
 *
 *   loading --file_turn_loaded--> idle --file_change_begin--> changing --file_change_end--> idle
 */

#include "file/layer.h"

/* Waits until the index has loaded. 0; -EHOSTDOWN: the loading has made no progress for a while. */
int file_wait_loaded(struct file_layer *f);

/* Notes that the index has loaded. */
void file_turn_loaded(struct file_layer *f);

/* Begins and ends a change; only one runs at a time. -EHOSTDOWN: the current change makes no
 * progress; the caller has no change to end. */
int file_change_begin(struct file_layer *f);
void file_change_end(struct file_layer *f);

/* True if this thread may change the layer now: within its own change, or while no other thread
 * changes anything (the layer is loading or ending). For asserts. */
bool file_may_change(const struct file_layer *f);

/*
 * Called after each file of a change of very many files: when the change has had its time, other
 * threads get a turn before it continues. Made with = {0}. Not before the layer has loaded, because
 * then no thread has a turn.
 */
struct file_step {
	int64_t begun_ms;
	int files;
};
void file_change_step(struct file_layer *f, struct file_step *step);

/*
 * Begins and ends the rename of a directory. Only one runs at a time, because a rename must not run
 * while file_change_step() of another rename gives its turn away. As file_change_begin() and
 * file_change_end(); call file_move_begin() before file_change_begin().
 */
int file_move_begin(struct file_layer *f);
void file_move_end(struct file_layer *f);

#endif
