/* A layer of any backend, with a fake clock and a directory of its own, and short forms. */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/marker.h"
#include "base/lock.h"
#include "redis_server.h"

/* --- the layer under test --------------------------------------------------------------------- */

/*
 * Options that give a type its place: name, and file below the case's directory. A backend that
 * needs none runs with its defaults.
 */
static const struct place {
	const char *type, *option, *file;
} places[] = {
	{ "disk", "path", "cache.sqlite" },
	{ "redis", "unix_socket_path", "redis.sock" },
	{ "file", "directory", "entries" },
	{ "dir", "directory", "files" },
	{ 0 },
};

static int64_t fake_wall_ms(void *self)
{
	return atomic_load(&((struct fixture *)self)->now_ms);
}

static int64_t real_mono_ms(void *self)
{
	(void)self;
	return time_mono_ms(&time_system);
}

static void note_gone(void *self, struct key key)
{
	assert_true(lock_none_held());
	assert_true(key.size > 0);
	atomic_fetch_add(&((struct fixture *)self)->gone, 1);
}

bool has_option(const struct fixture *f, const char *name)
{
	const struct option_spec *o = f->backend->options;

	while (o && o->name && strcmp(o->name, name) != 0)
		o++;
	return o && o->name;
}

void open_layer(struct fixture *f)
{
	struct problem problem = { 0 };
	char text[1200];

	if (f->backend->open(f->conf, &f->env, &f->state, &problem) != 0)
		fail_msg("open: %s", problem_text(&problem, text, sizeof(text)));
}

/* Opens with the backend's place and one option more (may be NULL). */
static void open_with(struct fixture *f, const char *option, const char *json)
{
	struct option_place place = { "test", "$", f->dir, f->backend->type, false };
	struct option_set sets[] = { { f->backend->options, f->conf, NULL }, { 0 } };
	struct problems problems = { 0 };
	char text[1200];
	cJSON *object = cJSON_CreateObject();

	for (const struct place *p = places; p->type; p++) {
		snprintf(text, sizeof(text), "%s/%s", f->dir, p->file);
		if (strcmp(p->type, f->backend->type) == 0)
			cJSON_AddStringToObject(object, p->option, text);
	}
	/* The cases say themselves how many entries there may be. */
	if (has_option(f, "max_entries") && (!option || strcmp(option, "max_entries") != 0))
		cJSON_AddNullToObject(object, "max_entries");
	if (option)
		cJSON_AddItemToObject(object, option, cJSON_Parse(json));
	assert_int_equal(options_default(f->backend->options, &place, f->conf), 0);
	if (options_parse(sets, object, &place, &problems) != 0)
		fail_msg("options: %s", problems_text(&problems, 0, text, sizeof(text)));
	cJSON_Delete(object);
	open_layer(f);
}

void close_layer(struct fixture *f)
{
	f->backend->close(f->state);
	f->state = NULL;
}

void reopen_with(struct fixture *f, const char *option, const char *json)
{
	close_layer(f);
	options_fini(f->backend->options, f->conf);
	memset(f->conf, 0, f->backend->conf_size);
	open_with(f, option, json);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

struct fixture *fixture_new(const struct backend *backend)
{
	const char *tmp = getenv("TMPDIR");
	bool short_enough = tmp && strlen(tmp) < 32;
	struct fixture *f = calloc(1, sizeof(*f));

	f->backend = backend;
	f->now_ms = 1800000000000;
	f->time = (struct time_source){ fake_wall_ms, fake_wall_ms, real_mono_ms, f };
	f->env = (struct backend_env){ "test", &f->time, true, note_gone, note_gone, f };
	f->conf = calloc(1, backend->conf_size + 1);
	snprintf(f->dir, sizeof(f->dir), "%s/cachefs-contract-XXXXXX", short_enough ? tmp : "/tmp");
	if (!mkdtemp(f->dir)) {
		free(f->conf);
		free(f);
		return NULL;
	}
	if (strcmp(backend->type, "redis") == 0)
		f->server = redis_server_start(f->dir);
	if (f->server < 0)
		fail_msg("redis-server cannot be started");
	open_with(f, NULL, NULL);
	return f;
}

void fixture_free(struct fixture *f)
{
	if (f->state)
		close_layer(f);
	if (f->server > 0)
		redis_server_stop(f->server);
	options_fini(f->backend->options, f->conf);
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f->conf);
	free(f);
}

/* --- short forms ------------------------------------------------------------------------------ */

struct meta meta_for(struct value *value)
{
	struct meta meta = { .ino = 7, .version = 1, .mode = S_IFREG | 0644 };

	meta.size = value_size(value);
	assert_int_equal(value_checksum(value, &meta.checksum), 0);
	return meta;
}

void put_value(struct fixture *f, struct key key, struct value *value, int64_t expires_ms)
{
	struct meta meta = meta_for(value);

	if (expires_ms != 0)
		meta.own = meta.copy = end_make(END_MOMENT, expires_ms);
	assert_int_equal(f->backend->set(f->state, key, value, &meta), 0);
}

void put_bytes(struct fixture *f, struct key key, const void *bytes, size_t size)
{
	struct value *value = value_copy(bytes, size);

	put_value(f, key, value, 0);
	value_unref(value);
}

void put_until(struct fixture *f, const char *key, int64_t expires_ms)
{
	struct value *value = value_copy(key, strlen(key));

	put_value(f, key_of(key), value, expires_ms);
	value_unref(value);
}

void put(struct fixture *f, const char *key, const char *text)
{
	put_bytes(f, key_of(key), text, strlen(text));
}

void expect_bytes(struct fixture *f, struct key key, const void *bytes, size_t size)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	uint64_t checksum;

	int rc = f->backend->get(f->state, key, &value, &meta);
	if (rc != 0)
		fail_msg("get %.*s: %s", (int)key.size, key.bytes, strerror(-rc));
	assert_int_equal(value_size(value), size);
	assert_int_equal(meta.size, size);
	char *got = malloc(size + 1);
	assert_int_equal(value_read(value, got, size + 1, 0), size);
	if (size > 0)
		assert_memory_equal(got, bytes, size);
	assert_int_equal(value_checksum(value, &checksum), 0);
	assert_int_equal(meta.checksum, checksum);
	free(got);
	value_unref(value);
	meta_fini(&meta);
}

void expect(struct fixture *f, const char *key, const char *text)
{
	expect_bytes(f, key_of(key), text, strlen(text));
}

static int stat_of(struct fixture *f, struct key key)
{
	struct meta meta = { 0 };
	int rc = f->backend->stat(f->state, key, &meta);

	if (rc == 0)
		meta_fini(&meta);
	return rc;
}

void expect_miss_key(struct fixture *f, struct key key)
{
	struct value *value = NULL;
	struct meta meta = { 0 };

	assert_int_equal(f->backend->get(f->state, key, &value, &meta), -ENOENT);
	assert_null(value);
	assert_int_equal(stat_of(f, key), -ENOENT);
}

void expect_miss(struct fixture *f, const char *key)
{
	expect_miss_key(f, key_of(key));
}

bool dir_exists(struct fixture *f, const char *dir)
{
	struct meta meta = { 0 };
	int rc = f->backend->dir_stat(f->state, key_of(dir), &meta);

	assert_true(rc == 0 || rc == -ENOENT);
	if (rc == 0)
		meta_fini(&meta);
	return rc == 0;
}

void clear_dir(struct fixture *f, struct key dir)
{
	struct key_buffer below;
	int rc = f->backend->remove_prefix(f->state, marker_key(&below, dir));

	assert_true(rc == 0 || rc == -ENOENT);
}

void make_dir(struct fixture *f, const char *dir)
{
	struct meta meta = { .mode = S_IFDIR | 0700 };

	assert_int_equal(f->backend->dir_set(f->state, key_of(dir), &meta), 0);
}

void list_after(struct fixture *f, const char *dir, const char *after, bool after_is_dir,
		struct children *batch)
{
	children_clear(batch);
	int rc = f->backend->list(f->state, key_of(dir), key_of(after), after_is_dir, batch);
	assert_int_equal(rc, 0);
	assert_true(batch->end || batch->count > 0);
}

const char *names_in(struct fixture *f, const char *dir)
{
	static char text[64 * 1024];
	static struct children batch;
	char last[KEY_COMPONENT_MAX + 1] = "";
	bool last_is_dir = false;
	size_t used = 0;

	text[0] = '\0';
	do {
		list_after(f, dir, last, last_is_dir, &batch);
		for (size_t i = 0; i < batch.count; i++) {
			const struct child *c = &batch.items[i];
			snprintf(last, sizeof(last), "%.*s", (int)c->name.size, c->name.bytes);
			last_is_dir = c->is_dir;
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s",
						 used ? " " : "", last, c->is_dir ? "/" : "");
			assert_true(used < sizeof(text));
		}
	} while (!batch.end);
	children_fini(&batch);
	return text;
}

char *pattern(size_t size, unsigned seed)
{
	char *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)((i * 2654435761U + seed) >> 13);
	return bytes;
}

int temp_fd(struct fixture *f)
{
	if (f->backend->temp_file) {
		int fd = f->backend->temp_file(f->state);
		assert_true(fd >= 0);
		return fd;
	}
	char name[128];
	snprintf(name, sizeof(name), "%s/valueXXXXXX", f->dir);
	int fd = mkostemp(name, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

struct meta full_meta(struct value *value)
{
	struct meta meta = meta_for(value);
	struct xattrs *one;

	meta.ino = UINT64_MAX - 5;
	meta.version = 1ULL << 40;
	meta.hits = 3;
	meta.created_ms = 1700000000123;
	meta.own = meta.copy = end_make(END_MOMENT, 32503680000999);
	meta.mtime = (struct timespec){ 4102444800, 123456789 };
	meta.ctime = (struct timespec){ -5, 999999999 };
	meta.mode = S_IFLNK | 07755;
	meta.uid = UINT32_MAX - 1;
	meta.gid = 1u << 31;
	assert_int_equal(xattrs_with(NULL, "user.b", "two\0", 4, &one), 0);
	assert_int_equal(xattrs_with(one, "user.a", "", 0, &meta.xattrs), 0);
	xattrs_unref(one);
	return meta;
}

void expect_meta(const struct meta *got, const struct meta *want)
{
	size_t got_size, want_size;
	const void *got_packed = xattrs_packed(got->xattrs, &got_size);
	const void *want_packed = xattrs_packed(want->xattrs, &want_size);

	assert_int_equal(got->size, want->size);
	assert_int_equal(got->ino, want->ino);
	assert_int_equal(got->version, want->version);
	assert_int_equal(got->checksum, want->checksum);
	assert_int_equal(got->created_ms, want->created_ms);
	assert_int_equal(got->copy.number, want->copy.number);
	assert_int_equal(got->own.number, want->own.number);
	assert_int_equal(got->mtime.tv_sec, want->mtime.tv_sec);
	assert_int_equal(got->mtime.tv_nsec, want->mtime.tv_nsec);
	assert_int_equal(got->ctime.tv_sec, want->ctime.tv_sec);
	assert_int_equal(got->ctime.tv_nsec, want->ctime.tv_nsec);
	assert_int_equal(got->mode, want->mode);
	assert_int_equal(got->uid, want->uid);
	assert_int_equal(got->gid, want->gid);
	assert_in_range(got->hits, want->hits, want->hits + 2);
	assert_int_equal(got_size, want_size);
	if (got_size > 0)
		assert_memory_equal(got_packed, want_packed, got_size);
}

void expect_stat(struct fixture *f, const char *key, const struct meta *want)
{
	struct meta got = { 0 };

	assert_int_equal(f->backend->stat(f->state, key_of(key), &got), 0);
	expect_meta(&got, want);
	meta_fini(&got);
}
