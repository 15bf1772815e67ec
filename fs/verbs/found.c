/* See found.h. */
#include "verbs/found.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>

#include "verbs/ask.h"

/* How long what was found to be an entry and no directory is not asked whether it is one by now:
 * only another program can make keys below an entry. */
enum { FILE_MS = 5000 };

/* A read of the layers for it. */
struct found_ask {
	struct finding *f;
	bool is_file; /* an entry of that name needs no second look, this time */
	bool looked;
	enum found found;
	struct meta *meta;
};

static bool is_file_locked(const struct finding *f)
{
	assert(lock_is_held(&f->fs->inodes.lock));
	return f->name->version && !f->name->subdir &&
	       f->name->file_until_ms > time_mono_ms(f->fs->time);
}

static int ask_directory(struct found_ask *a, struct key key)
{
	struct meta marker = { 0 };
	struct entry_ask ask = { .cache = a->f->fs->cache, .meta = &marker };
	int rc = ask_marker(&ask, key);

	if (rc < 0)
		return a->found == FOUND_ENTRY || rc == -ENOENT ? 0 : rc;
	meta_move(a->meta, &marker);
	a->found = FOUND_DIRECTORY;
	return rc;
}

static int ask_found(void *self, struct key key)
{
	struct found_ask *a = self;
	int rc = 0;

	a->looked = !a->is_file;
	a->is_file = false; /* if the name has changed, for which it is asked again */
	meta_fini(a->meta);
	int entry = layered_stat(a->f->fs->cache, key, a->meta);
	a->found = entry == 0 ? FOUND_ENTRY : FOUND_NOTHING;
	if (entry < 0 && entry != -ENOENT)
		return entry;
	if (!(entry == 0 && !a->looked) && !a->f->name->is_own && key_can_hold(key))
		rc = ask_directory(a, key);
	return rc == 0 && a->found == FOUND_NOTHING ? NAME_READ_PART : rc;
}

int found_locked(struct finding *f, enum found *found, struct meta *meta)
{
	struct found_ask a = { .f = f, .is_file = is_file_locked(f), .meta = meta };
	struct name_read read = { .t = f->t,
				  .name = f->name,
				  .settled = true,
				  .ask = ask_found,
				  .self = &a,
				  .key = &f->key };
	int rc = name_read_locked(&read);

	assert(lock_is_held(&f->fs->inodes.lock));
	if (rc == 0 && a.found == FOUND_ENTRY && a.looked)
		f->name->file_until_ms = time_mono_ms(f->fs->time) + FILE_MS;
	*found = a.found;
	return rc;
}

uint32_t found_type(const struct meta *meta)
{
	return meta->mode ? meta->mode & S_IFMT : S_IFREG;
}
