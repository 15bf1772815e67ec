/* See drain_write.h. */
#include "stack/drain_write.h"

#include <assert.h>
#include <errno.h>

static struct layer *journal_layer(const struct drain_path *p)
{
	return p->cache->layers[p->first - 1];
}

static uint64_t bit_of(const struct drain_path *p, size_t layer)
{
	assert(layer >= p->first && layer - p->first < 64);
	return UINT64_C(1) << (layer - p->first);
}

static bool has_taken(const struct drain_path *p, size_t layer, uint64_t takers)
{
	return takers & bit_of(p, layer);
}

static bool is_unreachable(int rc)
{
	return rc == -EHOSTDOWN || rc == -EIO || rc == -ETIMEDOUT;
}

/* A row, or a marker. */
struct item {
	struct key key;
	struct value *value; /* NULL: a marker */
	const struct meta *meta;
};

static int give(struct layer *l, const struct item *item)
{
	return item->value ? layer_set(l, item->key, item->value, item->meta, end_none())
			   : layer_dir_set(l, item->key, item->meta);
}

/* To the durable layers, slowest first. */
static enum drain_verdict give_durable(const struct drain_path *p, const struct item *item,
				       uint64_t *takers)
{
	bool all_unreachable = true;

	*takers = 0;
	for (size_t i = p->cache->count; i-- > p->first;) {
		if (!layer_is_durable(p->cache->layers[i]))
			continue;
		int rc = give(p->cache->layers[i], item);
		*takers |= rc == 0 ? bit_of(p, i) : 0;
		all_unreachable &= rc < 0 && is_unreachable(rc);
	}
	if (*takers != 0)
		return DRAIN_WRITTEN;
	return all_unreachable ? DRAIN_UNREACHABLE : DRAIN_FAILED;
}

static enum drain_verdict verdict_if(bool remembered)
{
	return remembered ? DRAIN_WRITTEN : DRAIN_FAILED;
}

/* After the write. */
static enum drain_verdict leave(const struct drain_path *p, struct admission_claim *claim,
				enum drain_verdict verdict)
{
	stack_leave(p->cache, claim);
	if (verdict == DRAIN_FAILED || verdict == DRAIN_UNREACHABLE)
		journal_count_failure(p->journal);
	return verdict;
}

/* --- one row ---------------------------------------------------------------------------------- */

/* The layers that are not durable only get what a durable one has. */
static enum drain_verdict write_value(const struct drain_path *p, const struct item *item,
				      uint64_t *takers)
{
	struct layered *c = p->cache;
	enum drain_verdict verdict = give_durable(p, item, takers);
	bool dropped = true;

	if (verdict != DRAIN_WRITTEN)
		return verdict;
	struct value *copy = stack_value_for_volatile(c, item->value);
	for (size_t i = c->count; i-- > p->first;) {
		struct layer *l = c->layers[i];
		struct end limit = stack_limit(c, l, item->meta->own);
		if (layer_is_durable(l)
			    ? !has_taken(p, i, *takers)
			    : !copy || layer_set(l, item->key, copy, item->meta, limit) < 0)
			dropped &= stack_drop(c, l, item->key) == 0;
	}
	value_unref(copy);
	return verdict_if(dropped);
}

/* The slower layers have an older value, which is over as well. */
static bool drop_all(const struct drain_path *p, struct key key)
{
	bool dropped = true;

	for (size_t i = p->first; i < p->cache->count; i++)
		dropped &= stack_drop(p->cache, p->cache->layers[i], key) == 0;
	atomic_fetch_add(&p->cache->uncovered, 1);
	return dropped;
}

static enum drain_verdict write_admitted(const struct drain_path *p,
					 const struct journal_item *item, uint64_t *takers)
{
	struct item it = { .key = key_make(item->key.bytes, item->key.size) };
	struct meta meta = { 0 };

	int rc = journal_load(p->journal, item, &it.value, &meta);
	if (rc == -ESTALE)
		return DRAIN_GONE;
	if (rc == -ENODATA || rc == -EBADMSG) {
		if (!drop_all(p, it.key))
			return DRAIN_FAILED;
		*takers = DRAIN_ALL_LAYERS;
		return rc == -ENODATA                             ? DRAIN_WRITTEN
		       : journal_set_aside(p->journal, item) == 0 ? DRAIN_GONE
								  : DRAIN_FAILED;
	}
	if (rc < 0)
		return DRAIN_FAILED;
	assert(it.value);
	it.meta = &meta;
	enum drain_verdict verdict = write_value(p, &it, takers);
	value_unref(it.value);
	meta_fini(&meta);
	return verdict;
}

enum drain_verdict drain_write_row(const struct drain_path *p, const struct journal_item *item,
				   uint64_t *takers)
{
	struct key key = key_make(item->key.bytes, item->key.size);
	struct admission_claim claim = stack_claim(key);

	if (!stack_try(p->cache, &claim))
		return DRAIN_BUSY;
	/* What the journal itself is to remove or to move the layers must not get. */
	return leave(p, &claim,
		     layer_trusts(journal_layer(p), key) ? write_admitted(p, item, takers)
							 : DRAIN_BUSY);
}

/* --- one marker ------------------------------------------------------------------------------- */

static enum drain_verdict write_marker(const struct drain_path *p, const struct item *item,
				       uint64_t *takers)
{
	struct layered *c = p->cache;
	enum drain_verdict verdict = give_durable(p, item, takers);
	bool remembered = true;

	if (verdict != DRAIN_WRITTEN)
		return verdict;
	for (size_t i = p->first; i < c->count; i++)
		if (layer_is_durable(c->layers[i]) && !has_taken(p, i, *takers))
			remembered &= stack_missed(c, c->layers[i], item->key, DEBT_MARKER) == 0;
	return verdict_if(remembered);
}

enum drain_verdict drain_write_marker(const struct drain_path *p,
				      const struct journal_marker *marker, uint64_t *takers)
{
	struct item item = { .key = journal_marker_dir(marker), .meta = &marker->meta };
	struct admission_claim claim = stack_claim(item.key);

	if (!stack_try(p->cache, &claim))
		return DRAIN_BUSY;
	/* It may have been changed or removed before the admission: what is there now counts. */
	bool is_owed = layer_trusts_dir(journal_layer(p), item.key) &&
		       journal_has_marker(p->journal, marker);
	return leave(p, &claim, is_owed ? write_marker(p, &item, takers) : DRAIN_BUSY);
}

/* --- all -------------------------------------------------------------------------------------- */

uint64_t drain_sync(const struct drain_path *p)
{
	uint64_t synced = 0;

	for (size_t i = p->first; i < p->cache->count; i++)
		if (layer_is_durable(p->cache->layers[i]) && layer_sync(p->cache->layers[i]) == 0)
			synced |= bit_of(p, i);
	return synced;
}
