/* Remembers which sets found no space in a layer. See layer_gate.h. */
#include "stack/layer_gate.h"

#include <errno.h>
#include <sys/statvfs.h>

enum {
	REFUSED_MS = 30 * 1000,   /* of a disk whose free space is looked at as well */
	REFUSED_REMOTE_MS = 1000, /* of what only the layer knows */
	MORE_BYTES = 64 * 1024,   /* as a file system's free space goes up and down by itself */
};

/* What the layer's disk has free; false: nobody here can see that. */
static bool disk_free(struct layer *l, uint64_t *bytes)
{
	struct layer_usage usage = { 0 };
	struct statvfs fs;

	l->backend->usage(l->state, &usage);
	if (!usage.path || statvfs(usage.path, &fs) < 0)
		return false;
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return true;
}

static void note_refusal(struct layer *l, uint64_t size)
{
	struct refusal *r = &l->refusal;
	uint64_t free_bytes = 0;
	bool seen = disk_free(l, &free_bytes);

	atomic_store(&r->size, size);
	atomic_store(&r->free, free_bytes);
	atomic_store(&r->until_ms,
		     time_mono_ms(l->env.time) + (seen ? REFUSED_MS : REFUSED_REMOTE_MS));
	atomic_store(&r->holds, true);
}

void layer_note_room(struct layer *l)
{
	if (atomic_load_explicit(&l->refusal.holds, memory_order_relaxed))
		atomic_store(&l->refusal.holds, false);
}

void layer_note_set(struct layer *l, uint64_t size, int rc)
{
	if (rc == -ENOSPC)
		note_refusal(l, size);
	else if (rc == 0)
		layer_note_room(l);
}

static bool is_refused(struct layer *l, uint64_t size)
{
	struct refusal *r = &l->refusal;
	uint64_t free_bytes = 0;

	if (!atomic_load_explicit(&r->holds, memory_order_relaxed) || size < atomic_load(&r->size))
		return false;
	if (time_mono_ms(l->env.time) < atomic_load(&r->until_ms) &&
	    (!disk_free(l, &free_bytes) || free_bytes <= atomic_load(&r->free) + MORE_BYTES))
		return true;
	layer_note_room(l);
	return false;
}

int layer_foresee(struct layer *l, struct key key, uint64_t size)
{
	int rc = l->backend->foresee ? l->backend->foresee(l->state, key, size) : 0;

	return rc == 0 && is_refused(l, size) ? -ENOSPC : rc;
}
