/* Sets a directory's marker: layered_dir_set(). See layered.h. */
#include <errno.h>

#include "stack/stack.h"
#include "stack/write_back.h"

static int set_through(struct layered *c, struct key dir, const struct meta *meta)
{
	int failure = 0;
	bool taken = false, failed[STACK_MAX] = { false };

	for (size_t i = 0; i < c->durable_count; i++) {
		if (stack_is_journal(c, c->order[i]))
			continue;
		int rc = layer_dir_set(c->order[i], dir, meta);
		failed[i] = rc < 0;
		taken |= rc == 0;
		if (rc < 0 && failure != -ENOSPC)
			failure = rc;
	}
	for (size_t i = 0; i < c->durable_count && taken; i++)
		if (failed[i])
			stack_missed(c, c->order[i], dir, DEBT_MARKER);
	return taken ? 0 : failure == -EHOSTDOWN ? -EIO : failure;
}

static int set_durable(struct layered *c, struct key dir, const struct meta *meta)
{
	int rc = write_back_dir_set(c, dir, meta);

	return rc == -EFBIG ? set_through(c, dir, meta) : rc; /* no journal, or too small */
}

/* The durable layers took the marker: one that they once did not take is older. */
static void replace_unkept(struct layered *c, struct key dir, const struct meta *meta)
{
	struct meta old = { 0 };

	if (layer_dir_stat(c->markers, dir, &old) == 0 && stack_is_marker(&old))
		layer_dir_set(c->markers, dir, meta);
	meta_fini(&old);
}

static int set_marker(struct layered *c, struct key dir, const struct meta *meta)
{
	int rc = c->durable_count > 0 ? set_durable(c, dir, meta) : -EFBIG;

	if (rc == 0 && c->markers)
		replace_unkept(c, dir, meta);
	return rc < 0 && c->markers ? layer_dir_set(c->markers, dir, meta) : rc;
}

int layered_dir_set(struct layered *c, struct key dir, const struct meta *meta,
		    const struct layered_hooks *hooks)
{
	struct admission_claim claim = stack_claim(dir);
	int rc = stack_enter(c, &claim);
	bool admitted = rc == 0;

	if (rc == 0 && hooks)
		rc = hooks->prepare(hooks->self);
	if (rc == 0)
		rc = set_marker(c, dir, meta);
	if (hooks)
		hooks->done(hooks->self, rc);
	if (admitted)
		stack_leave(c, &claim);
	return rc;
}
