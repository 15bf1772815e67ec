/* Type "noop": a cache that is turned off, for comparison. */
#include "cache.h"

#include <errno.h>

static const struct option_spec noop_options[] = { { 0 } };

static int noop_open(const void *conf, const struct backend_env *env, void **state,
		     struct problem *problem)
{
	static int nothing;

	(void)conf;
	(void)env;
	(void)problem;
	*state = &nothing;
	return 0;
}

static void noop_close(void *state)
{
	(void)state;
}

static int noop_stat(void *state, struct key key, struct meta *meta)
{
	(void)state;
	(void)key;
	(void)meta;
	return -ENOENT;
}

static int noop_get(void *state, struct key key, struct value **value, struct meta *meta)
{
	(void)value;
	return noop_stat(state, key, meta);
}

static int noop_set(void *state, struct key key, struct value *value, const struct meta *meta)
{
	(void)state;
	(void)key;
	(void)value;
	(void)meta;
	return 0;
}

static int noop_touch(void *state, struct key key, const struct meta *meta, unsigned fields)
{
	(void)state;
	(void)key;
	(void)meta;
	(void)fields;
	return -ENOENT;
}

static int noop_remove(void *state, struct key key)
{
	(void)state;
	(void)key;
	return -ENOENT;
}

static int noop_remove_prefix(void *state, struct key prefix)
{
	return noop_remove(state, prefix);
}

static int noop_rename(void *state, struct key from, struct key to)
{
	(void)to;
	return noop_remove(state, from);
}

static int noop_rename_prefix(void *state, struct key from, struct key to)
{
	(void)state;
	(void)from;
	(void)to;
	return 0;
}

static int noop_list(void *state, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch)
{
	(void)state;
	(void)dir;
	(void)after;
	(void)after_is_dir;
	batch->end = true;
	return 0;
}

/* Markers are kept by the durable layers, or in the daemon if there is none. */
static int noop_dir_set(void *state, struct key dir, const struct meta *meta)
{
	(void)state;
	(void)dir;
	(void)meta;
	return 0;
}

static int noop_sync(void *state)
{
	(void)state;
	return 0;
}

static void noop_usage(void *state, struct layer_usage *usage)
{
	(void)state;
	*usage = (struct layer_usage){ 0 };
}

const struct backend backend_noop = {
	.type = "noop",
	.options = noop_options,
	.durable = false,
	.forgets = true,
	.open = noop_open,
	.close = noop_close,
	.stat = noop_stat,
	.get = noop_get,
	.set = noop_set,
	.touch = noop_touch,
	.remove = noop_remove,
	.remove_prefix = noop_remove_prefix,
	.rename = noop_rename,
	.rename_prefix = noop_rename_prefix,
	.list = noop_list,
	.dir_stat = noop_stat,
	.dir_set = noop_dir_set,
	.dir_remove = noop_remove,
	.sync = noop_sync,
	.usage = noop_usage,
};
