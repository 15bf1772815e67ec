/* See fault.h. */
#include "fault.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct fault {
	const struct backend *below;
	void *state;
	struct fault_plan *plan;
};

static int fault_open(const void *conf, const struct backend_env *env, void **state,
		      struct problem *problem)
{
	const struct fault_conf *c = conf;
	struct fault *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->below = c->below;
	f->plan = c->plan;
	int rc = f->below->open(c->below_conf, env, &f->state, problem);
	if (rc < 0)
		free(f);
	else
		*state = f;
	return rc;
}

static void fault_close(void *state)
{
	struct fault *f = state;

	f->below->close(f->state);
	free(f);
}

enum outcome { PASS, FAIL_BEFORE, FAIL_AFTER };

/* *error is what a call that fails answers: decided once, for others change the plan meanwhile. */
static enum outcome outcome_of(struct fault *f, int *error)
{
	struct fault_plan *p = f->plan;

	*error = -EHOSTDOWN;
	if (atomic_load(&p->down))
		return FAIL_BEFORE;
	int call = atomic_fetch_add(&p->calls, 1) + 1, first = atomic_load(&p->fail_at);
	if (first == 0 || call < first || call > first + atomic_load(&p->more))
		return PASS;
	*error = atomic_load(&p->error);
	atomic_store(&p->hit, true);
	return atomic_load(&p->applied) ? FAIL_AFTER : FAIL_BEFORE;
}

static void maybe_crash(const struct fault *f)
{
	if (atomic_load(&f->plan->crash) && !atomic_load(&f->plan->down))
		_exit(0);
}

static void wait_while_held(const struct fault *f)
{
	while (atomic_load(&f->plan->hold)) {
		atomic_store(&f->plan->held, true);
		usleep(1000);
	}
}

/* A read has no "after": what it got would have to be given back. */
#define READ(call)                                                                                 \
	do {                                                                                       \
		struct fault *f = state;                                                           \
		int error;                                                                         \
		return outcome_of(f, &error) == PASS ? f->below->call : error;                     \
	} while (0)

#define CHANGE(call)                                                                               \
	do {                                                                                       \
		struct fault *f = state;                                                           \
		int error;                                                                         \
		enum outcome outcome = outcome_of(f, &error);                                      \
		if (outcome == FAIL_BEFORE)                                                        \
			maybe_crash(f);                                                            \
		else                                                                               \
			wait_while_held(f);                                                        \
		int rc = outcome == FAIL_BEFORE ? 0 : f->below->call;                              \
		if (outcome == FAIL_AFTER)                                                         \
			maybe_crash(f);                                                            \
		return outcome == PASS ? rc : error;                                               \
	} while (0)

static int fault_stat(void *state, struct key key, struct meta *meta)
{
	READ(stat(f->state, key, meta));
}

static int fault_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	READ(get(f->state, key, value, meta));
}

static int fault_list(void *state, struct key dir, struct key after, bool after_is_dir,
		      struct children *batch)
{
	READ(list(f->state, dir, after, after_is_dir, batch));
}

static int fault_dir_stat(void *state, struct key dir, struct meta *meta)
{
	READ(dir_stat(f->state, dir, meta));
}

static int fault_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	if (atomic_load(&((struct fault *)state)->plan->full))
		return -ENOSPC;
	CHANGE(set(f->state, key, value, meta));
}

static int fault_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	CHANGE(touch(f->state, key, meta, fields));
}

static int fault_remove(void *state, struct key key)
{
	CHANGE(remove(f->state, key));
}

static int fault_remove_prefix(void *state, struct key prefix)
{
	CHANGE(remove_prefix(f->state, prefix));
}

static int fault_rename(void *state, struct key from, struct key to)
{
	CHANGE(rename(f->state, from, to));
}

static int fault_rename_prefix(void *state, struct key from, struct key to)
{
	CHANGE(rename_prefix(f->state, from, to));
}

static int fault_check_rename_prefix(void *state, struct key from, struct key to)
{
	READ(check_rename_prefix(f->state, from, to));
}

static int fault_dir_set(void *state, struct key dir, const struct meta *meta)
{
	CHANGE(dir_set(f->state, dir, meta));
}

static int fault_dir_remove(void *state, struct key dir)
{
	CHANGE(dir_remove(f->state, dir));
}

static int fault_sync(void *state)
{
	if (atomic_load(&((struct fault *)state)->plan->unsynced))
		return -EIO;
	CHANGE(sync(f->state));
}

static void fault_usage(void *state, struct layer_usage *usage)
{
	struct fault *f = state;

	f->below->usage(f->state, usage);
}

#define OPERATIONS                                                                                 \
	.open = fault_open, .close = fault_close, .stat = fault_stat, .get = fault_get,            \
	.set = fault_set, .touch = fault_touch, .remove = fault_remove,                            \
	.remove_prefix = fault_remove_prefix, .rename = fault_rename,                              \
	.rename_prefix = fault_rename_prefix, .check_rename_prefix = fault_check_rename_prefix,    \
	.list = fault_list, .dir_stat = fault_dir_stat, .dir_set = fault_dir_set,                  \
	.dir_remove = fault_dir_remove, .sync = fault_sync, .usage = fault_usage,                  \
	.conf_size = sizeof(struct fault_conf)

const struct backend backend_fault_durable = { .type = "fault", .durable = true, OPERATIONS };
const struct backend backend_fault_volatile = { .type = "fault", OPERATIONS };
