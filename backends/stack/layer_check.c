/*
 * Checks what a backend answers before any other code uses it. Answers are input: other programs
 * write the stores, disks rot, servers lie. See layer_check.h.
 */
#include "stack/layer_check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { TELLING_MAX = 256 }; /* bytes of a key in the log */

/* Nobody has counted so far, and it can be counted on from there. */
#define COUNTED_MAX ((uint64_t)1 << 62)

/* --- metadata --------------------------------------------------------------------------------- */

static bool is_time(struct timespec t)
{
	return t.tv_sec >= -META_SECONDS_MAX && t.tv_sec <= META_SECONDS_MAX && t.tv_nsec >= 0 &&
	       t.tv_nsec < 1000000000;
}

/* What is wrong with what entries and directories have alike; NULL: nothing. */
static const char *fault_of_any(const struct meta *m)
{
	const int64_t max_ms = META_SECONDS_MAX * 1000;

	if (m->mode & ~(uint32_t)(S_IFMT | 07777))
		return "mode";
	if (m->uid == UINT32_MAX || m->gid == UINT32_MAX)
		return "owner";
	if (!is_time(m->mtime) || !is_time(m->ctime))
		return "time";
	if (m->created_ms < -max_ms || m->created_ms > max_ms)
		return "time of creation";
	return NULL;
}

static const char *fault_of_entry(const struct meta *m)
{
	if (m->mode != 0 && !S_ISREG(m->mode) && !S_ISLNK(m->mode))
		return "type";
	if (m->size > INT64_MAX)
		return "size";
	if (m->version > COUNTED_MAX)
		return "version";
	if (m->hits > COUNTED_MAX || m->hit_ms < 0)
		return "number of hits";
	return fault_of_any(m);
}

static const char *fault_of_dir(const struct meta *m)
{
	return m->mode != 0 && !S_ISDIR(m->mode) ? "type" : fault_of_any(m);
}

static int telling(struct key key)
{
	return (int)(key.size < TELLING_MAX ? key.size : TELLING_MAX);
}

/* Once per key, not at every look. */
static bool is_news(struct layer *l, struct key key)
{
	uint64_t hash = key_hash(key);

	return atomic_exchange(&l->damaged[hash % LAYER_DAMAGED_KEYS], hash) != hash;
}

static void complain(struct layer *l, struct key key, const char *fault, const struct meta *m,
		     const char *then)
{
	if (is_news(l, key))
		log_error("layer \"%s\": damaged metadata of \"%.*s\": its %s cannot be (mode 0%o, "
			  "size %lld); %s",
			  l->spec->name, telling(key), key.bytes, fault, m->mode,
			  (long long)m->size, then);
}

bool layer_check_entry(struct layer *l, struct key key, struct meta *meta)
{
	const char *fault = fault_of_entry(meta);

	if (!fault)
		return true;
	complain(l, key, fault, meta, "treated as a miss, set or remove it");
	struct meta shown = { .size = meta->size > INT64_MAX ? 0 : meta->size,
			      .ino = meta->ino,
			      .mode = S_IFREG | 0600,
			      .uid = geteuid(),
			      .gid = getegid() };
	meta_fini(meta);
	*meta = shown;
	return false;
}

void layer_check_dir(struct layer *l, struct key dir, struct meta *meta)
{
	const char *fault = fault_of_dir(meta);

	if (!fault)
		return;
	complain(l, dir, fault, meta, "nobody else is let in, change its mode or remove it");
	meta_fini(meta);
	*meta = (struct meta){ .mode = S_IFDIR | 0700, .uid = geteuid(), .gid = getegid() };
}

int layer_check_value(struct layer *l, struct key key, int rc, struct value **value,
		      struct meta *meta)
{
	const char *fault = NULL;

	if (rc < 0 && *value) {
		fault = "a value beside an error";
	} else if (rc == 0 && !*value) {
		fault = "no value";
	} else if (rc == 0 && layer_check_entry(l, key, meta)) {
		if (value_size(*value) == meta->size)
			return 0;
		fault = "a value of another size";
	}
	if (fault && is_news(l, key))
		log_error("layer \"%s\": damage of \"%.*s\": %s (answer %d; %lld bytes, of %lld by "
			  "its metadata); treated as a miss, set or remove it",
			  l->spec->name, telling(key), key.bytes, fault, rc,
			  *value ? (long long)value_size(*value) : -1,
			  rc == 0 ? (long long)meta->size : -1);
	value_unref(*value);
	*value = NULL;
	if (rc == 0)
		meta_fini(meta);
	/* What slower layers have is older than what is damaged in the journal. */
	return rc < 0 ? rc : l->backend->hides_slower ? -ENODATA : -ENOENT;
}

/* --- listings --------------------------------------------------------------------------------- */

struct listed {
	struct layer *layer;
	struct key dir;
};

/* Whether a key below the directory can lead to such a child. */
static bool is_child(struct key dir, const struct child *child, struct key_buffer *buffer)
{
	bool is_dir;

	if (key_join(buffer, dir, child->name) < 0)
		return false;
	struct key key = key_make(buffer->bytes, buffer->size);
	if (child->is_dir)
		buffer->bytes[key.size++] = '/';
	if (key.size == 0 || !key_is_below(key, dir))
		return false;
	struct key name = key_child(key, dir, &is_dir);
	return is_dir == child->is_dir && key_equal(name, child->name);
}

static bool is_sound(void *self, const struct child *child)
{
	const struct listed *listed = self;
	struct layer *l = listed->layer;
	struct key_buffer buffer;

	if (is_child(listed->dir, child, &buffer))
		return true;
	complain(l, child->name, "name in a listing", &child->meta, "not shown");
	return false;
}

int layer_check_list(struct layer *l, struct key dir, struct key after, bool after_is_dir,
		     struct children *batch)
{
	struct listed listed = { l, dir };
	struct key_buffer buffer;

	for (size_t i = 0; i < batch->count; i++) {
		const struct child *c = &batch->items[i];
		const struct child *last = i > 0 ? &batch->items[i - 1] : NULL;
		struct key from = last ? last->name : after;
		bool from_is_dir = last ? last->is_dir : after_is_dir;
		if ((last || after.size > 0) &&
		    child_compare(from, from_is_dir, c->name, c->is_dir) >= 0) {
			assert(l->backend->durable); /* what we hold ourselves is in order */
			complain(l, c->name, "place in a listing", &c->meta,
				 "the rest is not shown");
			return -EIO;
		}
	}
	children_filter(batch, is_sound, &listed);
	for (size_t i = 0; i < batch->count; i++) {
		struct child *c = &batch->items[i];
		if (key_join(&buffer, dir, c->name) < 0)
			continue;
		struct key key = key_make(buffer.bytes, buffer.size);
		if (c->is_dir)
			layer_check_dir(l, key, &c->meta);
		else
			layer_check_entry(l, key, &c->meta);
	}
	return 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

int layer_check_answer(const struct layer *l, enum layer_operation operation, int rc)
{
	/* What cache.h allows, and what a file system may say of its space and rights. */
	static const int known[] = { 0,       -ENOENT, -EHOSTDOWN, -EFBIG,       -EIO,
				     -ENOSPC, -EDQUOT, -EMFILE,    -ENFILE,      -ENOMEM,
				     -EACCES, -EPERM,  -EROFS,     -ENAMETOOLONG };
	static const bool reads[LAYER_OPERATIONS] = {
		[LAYER_STAT] = true,       [LAYER_GET] = true,  [LAYER_PEEK] = true,
		[LAYER_REVALIDATE] = true, [LAYER_LIST] = true, [LAYER_DIR_STAT] = true,
	};
	bool of_room = rc == -EFBIG || rc == -ENOSPC || rc == -EDQUOT;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (rc == known[i] && !(of_room && reads[operation]))
			return rc;
	if (rc == -ENODATA && l->backend->hides_slower)
		return rc;
	log_debug("layer \"%s\": an answer to %s that is none: %s", l->spec->name,
		  layer_operation_names[operation], rc < 0 ? strerror(-rc) : "a positive number");
	return -EIO;
}
