/* See disk_fixture.h. */
#include "disk_fixture.h"

#include <ftw.h>

static int64_t fake_wall(void *self)
{
	struct fixture *f = self;
	return atomic_load(&f->now_ms);
}

static int64_t mono(void *self)
{
	struct fixture *f = self;
	return time_mono_ms(&time_system) + atomic_load(&f->passed_ms);
}

void pass(struct fixture *f, int64_t ms)
{
	atomic_fetch_add(&f->passed_ms, ms);
}

static void on_gone(void *self, struct key key)
{
	struct fixture *f = self;

	assert_true(lock_none_held());
	pthread_mutex_lock(&f->mutex);
	size_t used = strlen(f->gone);
	if (used + key.size + 2 < sizeof(f->gone))
		snprintf(f->gone + used, sizeof(f->gone) - used, "%.*s;", (int)key.size, key.bytes);
	pthread_mutex_unlock(&f->mutex);
}

bool is_gone(struct fixture *f, const char *key)
{
	char text[128];
	snprintf(text, sizeof(text), "%s;", key);
	pthread_mutex_lock(&f->mutex);
	bool found = strstr(f->gone, text);
	pthread_mutex_unlock(&f->mutex);
	return found;
}

void open_layer(struct fixture *f)
{
	struct problem problem = { 0 };
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), 0);
}

void close_layer(struct fixture *f)
{
	B->close(f->layer);
	f->layer = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

int remove_tree(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_disk.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/cache.sqlite", f->dir);
	f->conf = (struct disk_conf){ .path = f->path,
				      .inline_limit = 64 * 1024,
				      .ensure_directory = true };
	atomic_store(&f->now_ms, 1767225600123);
	f->time = (struct time_source){ fake_wall, fake_wall, mono, f };
	f->env = (struct backend_env){ "disk", &f->time, true, on_gone, on_gone, f };
	pthread_mutex_init(&f->mutex, NULL);
	*state = f;
	return 0;
}

int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->layer)
		close_layer(f);
	int rc = remove_tree(f->dir);
	free(f);
	return rc;
}

/* --- steps ------------------------------------------------------------------------------------ */

int set_bytes(struct fixture *f, struct key key, const void *bytes, size_t size, struct meta meta)
{
	struct value *value = value_copy(bytes, size);

	meta.size = size;
	if (meta.version == 0)
		meta.version = 1;
	value_checksum(value, &meta.checksum);
	if (meta.mode == 0)
		meta.mode = S_IFREG | 0644;
	int rc = B->set(f->layer, key, value, &meta);
	value_unref(value);
	return rc;
}

int set(struct fixture *f, const char *key, const char *text)
{
	return set_bytes(f, key_of(key), text, strlen(text), (struct meta){ 0 });
}

char *get_text(struct fixture *f, struct key key, int *rc)
{
	static char text[4096];
	struct value *value = NULL;
	struct meta meta = { 0 };

	*rc = B->get(f->layer, key, &value, &meta);
	if (*rc < 0)
		return NULL;
	assert_int_equal(meta.size, value_size(value));
	ssize_t n = value_read(value, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	value_unref(value);
	meta_fini(&meta);
	return text;
}

void expect_text(struct fixture *f, const char *key, const char *text)
{
	int rc;
	char *got = get_text(f, key_of(key), &rc);

	if (rc < 0)
		fail_msg("%s: %s, expected \"%s\"", key, strerror(-rc), text);
	assert_string_equal(got, text);
}

void expect_miss(struct fixture *f, const char *key)
{
	struct meta meta;
	int rc;

	get_text(f, key_of(key), &rc);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(B->stat(f->layer, key_of(key), &meta), -ENOENT);
}

struct meta stat_of(struct fixture *f, const char *key)
{
	struct meta meta;

	assert_int_equal(B->stat(f->layer, key_of(key), &meta), 0);
	return meta;
}

/* The whole listing as "a! a/ a0", fetched anew after each `step` children. */
char *list_text(struct fixture *f, struct key dir, size_t step)
{
	static char text[65536];
	struct children batch = { 0 };
	char after[KEY_MAX];
	size_t after_size = 0, used = 0;
	bool after_is_dir = false, more = true;

	text[0] = '\0';
	while (more) {
		children_clear(&batch);
		assert_int_equal(
			B->list(f->layer, dir, key_make(after, after_size), after_is_dir, &batch),
			0);
		more = !batch.end || batch.count > step;
		for (size_t i = 0; i < batch.count && i < step; i++) {
			const struct child *c = &batch.items[i];
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s%s",
						 used ? " " : "", (int)c->name.size, c->name.bytes,
						 c->is_dir ? "/" : "");
			memcpy(after, c->name.bytes, c->name.size);
			after_size = c->name.size;
			after_is_dir = c->is_dir;
		}
	}
	children_fini(&batch);
	return text;
}

sqlite3 *other_program(struct fixture *f)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->conf.path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60 * 1000); /* on a busy machine */
	return db;
}

void run_sql(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

int64_t ask_sql(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return number;
}

int value_files(struct fixture *f)
{
	char path[128];
	int count = 0;

	snprintf(path, sizeof(path), "%s.values", f->path);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		count += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

int set_large(struct fixture *f, const char *key, size_t size, int seed)
{
	char *bytes = malloc(size);

	memset(bytes, 'a' + seed, size);
	int rc = set_bytes(f, key_of(key), bytes, size, (struct meta){ 0 });
	free(bytes);
	return rc;
}

void expect_large(struct fixture *f, const char *key, size_t size, int seed)
{
	struct value *value;
	struct meta meta;
	char *bytes = malloc(size);

	assert_int_equal(B->get(f->layer, key_of(key), &value, &meta), 0);
	assert_int_equal(value_size(value), size);
	assert_int_equal(value_read(value, bytes, size, 0), size);
	assert_int_equal(bytes[0], 'a' + seed);
	assert_int_equal(bytes[size - 1], 'a' + seed);
	value_unref(value);
	meta_fini(&meta);
	free(bytes);
}
