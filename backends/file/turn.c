/* Turns to change a file layer. See file/turn.h. */
#include "file/turn.h"

#include <assert.h>
#include <errno.h>

#include "base/waiting.h"

enum {
	TURN_DEADLINE_MS = 30 * 1000, /* without anything being done */
	STEP_MS = 50,
	STEP_FILES = 256,
};

enum turn { TURN_LOADED, TURN_CHANGE, TURN_MOVE };

static bool is_turn_locked(const struct file_layer *f, enum turn turn)
{
	assert(lock_is_held(&f->lock));
	return f->loaded && !(turn == TURN_CHANGE && f->changing) &&
	       !(turn == TURN_MOVE && f->moving);
}

/* However long it takes, as long as something is done. */
static int await_locked(struct file_layer *f, enum turn turn)
{
	struct deadline deadline = deadline_in(f->env->time, TURN_DEADLINE_MS);
	uint64_t life = f->life;

	while (!is_turn_locked(f, turn)) {
		if (condition_wait_until(&f->turned, &f->lock, &deadline) ||
		    is_turn_locked(f, turn))
			continue;
		if (life == f->life)
			return -EHOSTDOWN;
		life = f->life;
		deadline = deadline_in(f->env->time, TURN_DEADLINE_MS);
	}
	return 0;
}

static int change_begin_locked(struct file_layer *f)
{
	f->waiting++;
	int rc = await_locked(f, TURN_CHANGE);
	assert(f->waiting > 0);
	f->waiting--;
	if (rc == 0) {
		assert(f->loaded && !f->changing);
		f->changing = true;
		f->changer = pthread_self();
		f->turns++;
	}
	return rc;
}

bool file_may_change(const struct file_layer *f)
{
	return !f->loaded || atomic_load(&f->stopping) ||
	       (f->changing && pthread_equal(f->changer, pthread_self()));
}

static void change_end_locked(struct file_layer *f)
{
	assert(lock_is_held(&f->lock) && f->changing && pthread_equal(f->changer, pthread_self()));
	f->changing = false;
	f->life++;
	pthread_cond_broadcast(&f->turned);
}

int file_wait_loaded(struct file_layer *f)
{
	lock_take(&f->lock);
	bool loaded = f->loaded;
	lock_release(&f->lock);
	if (loaded)
		return 0;
	waiting_begin();
	lock_take(&f->lock);
	int rc = await_locked(f, TURN_LOADED);
	lock_release(&f->lock);
	return rc;
}

void file_turn_loaded(struct file_layer *f)
{
	lock_take(&f->lock);
	assert(!f->loaded && !f->changing);
	f->loaded = true;
	pthread_cond_broadcast(&f->turned);
	lock_release(&f->lock);
}

int file_change_begin(struct file_layer *f)
{
	waiting_begin();
	lock_take(&f->lock);
	int rc = change_begin_locked(f);
	lock_release(&f->lock);
	return rc;
}

void file_change_end(struct file_layer *f)
{
	lock_take(&f->lock);
	change_end_locked(f);
	lock_release(&f->lock);
}

void file_change_step(struct file_layer *f, struct file_step *step)
{
	int64_t now = time_mono_ms(f->env->time);

	if (step->files == 0)
		step->begun_ms = now;
	if (++step->files < STEP_FILES && now - step->begun_ms < STEP_MS)
		return;
	step->files = 0;
	struct deadline deadline = deadline_in(f->env->time, TURN_DEADLINE_MS);
	lock_take(&f->lock);
	change_end_locked(f);
	uint64_t turns = f->turns;
	while (f->waiting > 0 && f->turns == turns)
		if (!condition_wait_until(&f->turned, &f->lock, &deadline))
			break;
	while (change_begin_locked(f) < 0)
		; /* half done is nothing to end with: it is the disk that is waited for */
	lock_release(&f->lock);
}

int file_move_begin(struct file_layer *f)
{
	waiting_begin();
	lock_take(&f->lock);
	int rc = await_locked(f, TURN_MOVE);
	f->moving |= rc == 0;
	lock_release(&f->lock);
	return rc;
}

void file_move_end(struct file_layer *f)
{
	lock_take(&f->lock);
	assert(f->moving);
	f->moving = false;
	f->life++;
	pthread_cond_broadcast(&f->turned);
	lock_release(&f->lock);
}
