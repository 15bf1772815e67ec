/*
 * Sets and syncs. A set goes to the durable layers first, slowest to fastest, then to the others.
 * If no durable layer takes the value, nothing has changed and the set fails. Once one has, the
 * older entry of a layer that fails is removed; if that fails too, reads ignore the entry
 * (layer_distrust()). See layered.h.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/waiting.h"
#include "stack/stack.h"
#include "stack/write_back.h"

/* --- through the layers ----------------------------------------------------------------------- */

/* The more telling of two failures: too big for all, no space, anything else. */
static int worse(int a, int b)
{
	if (a == 0 || a == -EFBIG)
		return b;
	return b == -ENOSPC ? b : a;
}

/* Sets are not for this layer; what it has of the key is old then. */
static bool is_bypassed(const struct layered *c, const struct layer *l)
{
	return l == c->bypassed || stack_is_journal(c, l);
}

static int set_in(struct layered *c, struct layer *l, struct key key, struct value *value,
		  const struct meta *meta)
{
	return layer_set(l, key, value, meta, stack_limit(c, l, meta->own));
}

/* What only the layers that are not durable will have, of a size that one of them takes. */
static struct value *value_for_serving(struct layered *c, struct value *value)
{
	for (size_t i = c->durable_count; i < c->count; i++)
		if (layer_foresee(c->order[i], KEY_ROOT, value_size(value)) == 0)
			return value_bytes(value) ? value_ref(value) : value_load(value);
	return NULL;
}

/* on_error "serve": no durable layer took a set, for that errno; 0: one has. */
static void note_kept(struct layered *c, int failure)
{
	if (failure == 0) {
		if (atomic_load_explicit(&c->unkept_told, memory_order_relaxed) &&
		    atomic_exchange(&c->unkept_told, false))
			log_info("on_error: what is set is kept again");
		return;
	}
	atomic_fetch_add(&c->unkept_sets, 1);
	if (!atomic_exchange(&c->unkept_told, true))
		log_warning("on_error: no layer that outlives the daemon takes what is set (%s); "
			    "it is served from the others; said once until one does",
			    strerror(failure == -EHOSTDOWN ? EIO : -failure));
}

static int write_through(struct layered *c, struct key key, struct value *value,
			 const struct meta *meta)
{
	size_t needed = c->durable_count ? c->durable_count : c->count;
	size_t taken = 0;
	int failure = 0;
	bool failed[STACK_MAX] = { false };

	assert(c->count <= STACK_MAX);
	for (size_t i = 0; i < needed; i++) {
		int rc = is_bypassed(c, c->order[i]) ? -EOPNOTSUPP
						     : set_in(c, c->order[i], key, value, meta);
		if (rc == 0) {
			/* To forget it is to take it only where that is all there is. */
			taken += c->forgets || !layer_forgets(c->order[i]);
			continue;
		}
		failed[i] = true;
		if (!is_bypassed(c, c->order[i]))
			failure = worse(failure, rc);
	}
	bool unkept = taken == 0 && failure < 0;
	if (unkept && !stack_serves(c))
		return failure == -EHOSTDOWN ? -EIO : failure;
	note_kept(c, unkept ? failure : 0);
	struct meta copied = *meta; /* borrows the xattrs */
	copied.unkept = unkept;
	struct value *loaded = unkept ? value_for_serving(c, value)
				      : stack_value_for_volatile(c, value);
	for (size_t i = 0; i < c->count; i++)
		if (i < needed ? failed[i]
			       : !loaded || (!unkept && is_bypassed(c, c->order[i])) ||
					 set_in(c, c->order[i], key, loaded, &copied) < 0)
			stack_drop(c, c->order[i], key);
	value_unref(loaded);
	return 0;
}

int layered_foresee(struct layered *c, struct key key, uint64_t size)
{
	size_t needed = c->durable_count ? c->durable_count : c->count;

	if (stack_serves(c))
		return 0;
	int failure = write_back_is_on(c) ? write_back_foresee(c, key, size) : -EFBIG;

	if (failure != -EFBIG)
		return failure;
	failure = 0;
	for (size_t i = 0; i < needed; i++) {
		if (is_bypassed(c, c->order[i]) || (layer_forgets(c->order[i]) && !c->forgets))
			continue;
		int rc = layer_foresee(c->order[i], key, size);
		if (rc == 0)
			return 0;
		if (rc != -EHOSTDOWN)
			failure = failure == -EHOSTDOWN ? rc : worse(failure, rc);
		else if (failure == 0)
			failure = rc;
	}
	return failure == -EHOSTDOWN ? -EIO : failure;
}

static int store(struct layered *c, struct key key, struct value *value, const struct meta *meta)
{
	int rc = write_back_is_on(c) ? write_back_set(c, key, value, meta) : -EFBIG;

	if (rc == -EFBIG || (rc < 0 && stack_serves(c))) { /* no journal, or too small a one */
		rc = write_through(c, key, value, meta);
		write_back_passed(c);
	}
	return rc;
}

int layered_set(struct layered *c, struct key key, const struct layered_change *change)
{
	struct admission_claim claim = stack_claim(key);
	struct value *value = NULL;
	struct meta now = { 0 }, meta = { 0 };

	int rc = stack_enter(c, &claim);
	if (rc < 0) {
		change->done(change->self, rc, &meta);
		return rc;
	}
	bool exists = layered_stat(c, key, &now) == 0;
	rc = change->prepare(change->self, exists ? &now : NULL, &value, &meta);
	if (rc == 0) {
		meta.size = value_size(value);
		meta.copy = meta.own;
		meta.unkept = false;
		if (c->forgets)
			meta.copy = end_make(END_STEADY,
					     time_steady_ms(c->time)); /* over at once */
		if (!value_bytes(value))
			waiting_begin(); /* the checksum of a file is a read of it all */
		rc = value_checksum(value, &meta.checksum);
		if (rc == 0)
			rc = store(c, key, value, &meta);
		atomic_fetch_add(rc == 0 ? &c->sets : &c->failed_sets, 1);
	}
	change->done(change->self, rc, &meta);
	stack_leave(c, &claim);
	value_unref(value);
	meta_fini(&now);
	meta_fini(&meta);
	return rc;
}

/* --- what makes it last ----------------------------------------------------------------------- */

/* What a layer that is away took may be lost with it; what the others took is theirs. */
static int sync_layers(struct layered *c)
{
	size_t away = 0, asked = 0;
	int rc = 0;

	for (size_t i = 0; i < c->durable_count; i++) {
		if (stack_is_journal(c, c->order[i]))
			continue;
		int one = layer_sync(c->order[i]);
		asked++;
		if (one == -EHOSTDOWN)
			away++;
		else if (one < 0)
			rc = one;
	}
	return rc == 0 && away > 0 && away == asked && !stack_serves(c) ? -EIO : rc;
}

int layered_sync(struct layered *c)
{
	uint64_t passed = write_back_passed_count(c);
	/* The journal is there; so is what layers missed: without it an older copy would be
	 * believed, or a rename that is over carried out once more. */
	int rc = c->state && !state_is_synced(c->state) ? write_back_sync_state(c) : 0;

	if (rc < 0 || !write_back_needs_sync(c, passed))
		return rc;
	rc = sync_layers(c);
	if (rc == 0)
		write_back_note_synced(c, passed);
	return rc;
}

int layered_temp_file(struct layered *c)
{
	int fd = write_back_temp_file(c);

	for (size_t i = 0; i < c->durable_count && fd < 0; i++)
		fd = layer_temp_file(c->order[i]);
	if (fd >= 0)
		return fd;
	const char *dir = getenv("TMPDIR");
	fd = open(dir && dir[0] == '/' ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int layered_free_space(struct layered *c, struct key key, uint64_t bytes)
{
	int rc = -ENOTSUP;

	for (size_t i = 0; i < c->durable_count && rc != 0; i++)
		rc = layer_free_space(c->order[i], key, bytes);
	return rc;
}
