/* The disk layer on real files: round trips, other programs on the same database, limits, crashes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "../../backends/disk.h"
#include "../../backends/disk_store.h"
#include "../../backends/waiting.h"

#define B (&backend_disk)

struct fixture {
	char dir[64];
	char path[96];
	struct disk_conf conf;
	struct time_source time;
	struct backend_env env;
	atomic_int_fast64_t now_ms;
	pthread_mutex_t mutex;   /* guards gone */
	char gone[4096];         /* "key;key;" */
	void *layer;
};

static int64_t fake_wall(void *self)
{
	struct fixture *f = self;
	return atomic_load(&f->now_ms);
}

static int64_t real_mono(void *self)
{
	(void)self;
	return time_mono_ms(&time_system);
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

static bool is_gone(struct fixture *f, const char *key)
{
	char text[128];
	snprintf(text, sizeof(text), "%s;", key);
	pthread_mutex_lock(&f->mutex);
	bool found = strstr(f->gone, text);
	pthread_mutex_unlock(&f->mutex);
	return found;
}

static void open_layer(struct fixture *f)
{
	struct problem problem = { 0 };
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), 0);
}

static void close_layer(struct fixture *f)
{
	B->close(f->layer);
	f->layer = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test_disk.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/cache.sqlite", f->dir);
	f->conf = (struct disk_conf){ .path = f->path, .inline_limit = 64 * 1024, .ensure_directory = true };
	atomic_store(&f->now_ms, 1767225600123);
	f->time = (struct time_source){ fake_wall, real_mono, f };
	f->env = (struct backend_env){ "disk", &f->time, on_gone, f };
	pthread_mutex_init(&f->mutex, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->layer)
		close_layer(f);
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	int rc = system(command);
	free(f);
	return rc;
}

/* --- steps ------------------------------------------------------------------------------------ */

static int set_bytes(struct fixture *f, struct key key, const void *bytes, size_t size,
		     struct meta meta)
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

static int set(struct fixture *f, const char *key, const char *text)
{
	return set_bytes(f, key_of(key), text, strlen(text), (struct meta){ 0 });
}

static char *get_text(struct fixture *f, struct key key, int *rc)
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

static void expect_text(struct fixture *f, const char *key, const char *text)
{
	int rc;
	char *got = get_text(f, key_of(key), &rc);

	if (rc < 0)
		fail_msg("%s: %s, expected \"%s\"", key, strerror(-rc), text);
	assert_string_equal(got, text);
}

static void expect_miss(struct fixture *f, const char *key)
{
	struct meta meta;
	int rc;

	get_text(f, key_of(key), &rc);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(B->stat(f->layer, key_of(key), &meta), -ENOENT);
}

static struct meta stat_of(struct fixture *f, const char *key)
{
	struct meta meta;

	assert_int_equal(B->stat(f->layer, key_of(key), &meta), 0);
	return meta;
}

/* The whole listing as "a! a/ a0", fetched anew after each `step` children. */
static char *list_text(struct fixture *f, struct key dir, size_t step)
{
	static char text[65536];
	struct children batch = { 0 };
	char after[KEY_MAX];
	size_t after_size = 0, used = 0;
	bool after_is_dir = false, more = true;

	text[0] = '\0';
	while (more) {
		children_clear(&batch);
		assert_int_equal(B->list(f->layer, dir, key_make(after, after_size), after_is_dir, &batch), 0);
		more = !batch.end || batch.count > step;
		for (size_t i = 0; i < batch.count && i < step; i++) {
			const struct child *c = &batch.items[i];
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s%s", used ? " " : "",
						 (int)c->name.size, c->name.bytes, c->is_dir ? "/" : "");
			memcpy(after, c->name.bytes, c->name.size);
			after_size = c->name.size;
			after_is_dir = c->is_dir;
		}
	}
	children_fini(&batch);
	return text;
}

static sqlite3 *other_program(struct fixture *f)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 3000);
	return db;
}

static void run_sql(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

static int64_t ask_sql(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return number;
}

#define wait_until(seconds, condition)                                                             \
	do {                                                                                       \
		int64_t end_ = time_mono_ms(&time_system) + (seconds) * 1000;                      \
		while (!(condition)) {                                                             \
			if (time_mono_ms(&time_system) > end_)                                     \
				fail_msg("not within %d s: %s", (seconds), #condition);            \
			usleep(2000);                                                              \
		}                                                                                  \
	} while (0)

static int value_files(struct fixture *f)
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

/* --- entries ---------------------------------------------------------------------------------- */

static void test_values_come_back_byte_exact(void **state)
{
	struct fixture *f = *state;
	static const struct { const char *bytes; size_t size; const char *type; } cases[] = {
		{ "", 0, "text" }, { "hi\n", 3, "text" }, { "a\0b", 3, "blob" }, { "\xff\xfe", 2, "blob" },
		{ "gr\xc3\xbc\xc3\x9f", 6, "text" }, { "\xc0\x80", 2, "blob" }, { "\xed\xa0\x80", 3, "blob" },
		{ "\xf4\x90\x80\x80", 4, "blob" }, { "{\"a\": 0.10}", 11, "text" }, { "1.0", 3, "text" },
	};

	open_layer(f);
	sqlite3 *db = other_program(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value *value;
		struct meta meta;
		assert_int_equal(set_bytes(f, key_of("k"), cases[i].bytes, cases[i].size, (struct meta){ 0 }), 0);
		assert_int_equal(B->get(f->layer, key_of("k"), &value, &meta), 0);
		assert_int_equal(value_size(value), cases[i].size);
		assert_memory_equal(value_bytes(value), cases[i].bytes, cases[i].size);
		value_unref(value);
		meta_fini(&meta);
		char sql[100];
		snprintf(sql, sizeof(sql), "SELECT typeof(payload) = '%s' FROM cache", cases[i].type);
		assert_int_equal(ask_sql(db, sql), 1);
	}
	sqlite3_close(db);
}

static void test_metadata_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct xattrs *xattrs = NULL;
	size_t size;

	open_layer(f);
	assert_int_equal(xattrs_with(NULL, "user.x", "1\0002", 3, &xattrs), 0);
	struct meta meta = { .ino = UINT64_MAX - 5, .version = 7, .hits = 3, .created_ms = 12,
			     .expires_ms = 1767225600999, .mtime = { -3, 999999999 }, .ctime = { 1LL << 40, 5 },
			     .mode = S_IFREG | 0751, .uid = 4294967295u, .gid = 12, .xattrs = xattrs };
	assert_int_equal(set_bytes(f, key_of("d/k"), "v", 1, meta), 0);
	close_layer(f);
	open_layer(f);
	struct meta got = stat_of(f, "d/k");
	assert_int_equal(got.ino, meta.ino);
	assert_int_equal(got.version, 7);
	assert_int_equal(got.hits, 3);
	assert_int_equal(got.created_ms, 12);
	assert_int_equal(got.expires_ms, 1767225600999);
	assert_memory_equal(&got.mtime, &meta.mtime, sizeof(meta.mtime));
	assert_memory_equal(&got.ctime, &meta.ctime, sizeof(meta.ctime));
	assert_int_equal(got.mode, meta.mode);
	assert_int_equal(got.uid, meta.uid);
	assert_memory_equal(xattrs_find(got.xattrs, "user.x", &size), "1\0002", 3);
	meta_fini(&got);

	meta.expires_ms = 0;
	meta.mode = S_IFREG | 0600;
	assert_int_equal(B->touch(f->layer, key_of("d/k"), &meta, META_EXPIRY | META_MODE), 0);
	assert_int_equal(B->touch(f->layer, key_of("absent"), &meta, META_MODE), -ENOENT);
	got = stat_of(f, "d/k");
	assert_int_equal(got.expires_ms, 0);
	assert_int_equal(got.mode, S_IFREG | 0600);
	assert_int_equal(got.uid, meta.uid);
	assert_int_equal(got.version, 7);
	meta_fini(&got);
	expect_text(f, "d/k", "v");
	xattrs_unref(xattrs);
}

static void test_set_replaces_and_remove_removes(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	expect_miss(f, "k");
	assert_int_equal(set(f, "k", "one"), 0);
	assert_int_equal(set(f, "k", "two"), 0);
	assert_int_equal(set(f, "k", "two"), 0);
	expect_text(f, "k", "two");
	assert_int_equal(stat_of(f, "k").version, 1);
	assert_int_equal(B->remove(f->layer, key_of("k")), 0);
	assert_int_equal(B->remove(f->layer, key_of("k")), -ENOENT);
	expect_miss(f, "k");
}

static void test_an_expired_entry_is_never_shown(void **state)
{
	struct fixture *f = *state;
	struct meta meta = { .expires_ms = atomic_load(&f->now_ms) + 10 };

	open_layer(f);
	assert_int_equal(set_bytes(f, key_of("d/k"), "v", 1, meta), 0);
	assert_int_equal(set(f, "other", "v"), 0);
	atomic_fetch_add(&f->now_ms, 9);
	expect_text(f, "d/k", "v");
	assert_int_equal(stat_of(f, "d/k").expires_ms, meta.expires_ms);
	atomic_fetch_add(&f->now_ms, 1);
	expect_miss(f, "d/k");
	assert_int_equal(B->touch(f->layer, key_of("d/k"), &meta, META_MODE), -ENOENT);
	assert_int_equal(B->rename(f->layer, key_of("d/k"), key_of("x")), -ENOENT);
	assert_string_equal(list_text(f, KEY_ROOT, 100), "other");
	assert_int_equal(B->dir_stat(f->layer, key_of("d"), &meta), -ENOENT);
	wait_until(5, is_gone(f, "d/k"));
	struct layer_usage usage;
	wait_until(5, (B->usage(f->layer, &usage), usage.expiries == 1 && usage.entries == 1));
}

static void test_rename_carries_everything(void **state)
{
	struct fixture *f = *state;
	struct meta meta = { .ino = 9, .version = 4, .mode = S_IFREG | 0700, .created_ms = 5 };

	open_layer(f);
	assert_int_equal(set_bytes(f, key_of("a"), "A", 1, meta), 0);
	assert_int_equal(set(f, "b", "B"), 0);
	expect_text(f, "a", "A");
	expect_text(f, "b", "B");
	assert_int_equal(B->rename(f->layer, key_of("a"), key_of("b")), 0);
	expect_miss(f, "a");
	struct meta got = stat_of(f, "b");
	assert_int_equal(got.ino, 9);
	assert_int_equal(got.version, 4);
	assert_int_equal(got.hits, 1);
	expect_text(f, "b", "A");
	assert_int_equal(B->rename(f->layer, key_of("a"), key_of("b")), -ENOENT);
	assert_int_equal(B->rename(f->layer, key_of("b"), key_of("b")), 0);
	assert_int_equal(B->rename(f->layer, key_of("b"), key_of("\xff")), 0);
	assert_int_equal(B->rename(f->layer, key_of("\xff"), key_of("c")), 0);
	expect_text(f, "c", "A");
	struct layer_usage usage;
	B->usage(f->layer, &usage);
	assert_int_equal(usage.entries, 1);
}

static void test_hits_are_kept_without_a_commit_per_get(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	for (int i = 0; i < 5; i++)
		expect_text(f, "k", "v");
	B->note_hit(f->layer, key_of("k"));
	assert_int_equal(stat_of(f, "k").hits, 6);
	close_layer(f);
	open_layer(f);
	assert_int_equal(stat_of(f, "k").hits, 6);
}

/* --- directories ------------------------------------------------------------------------------ */

static void test_listing_is_in_the_order_of_keys(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = { "a", "a!", "a/b", "a/c/d", "a0", "\xff\xfe/x", "z", "\xff",
					    "a/\xff", "m/x", "m/y" };
	struct meta marker = { .mode = S_IFDIR | 0750, .ino = 4 };

	open_layer(f);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(set(f, keys[i], "v"), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("m"), &marker), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("a!"), &marker), 0);
	assert_int_equal(B->dir_set(f->layer, KEY_ROOT, &marker), 0);
	for (size_t step = 1; step < 12; step++) {
		assert_string_equal(list_text(f, KEY_ROOT, step), "a a! a!/ a/ a0 m/ z \xff \xff\xfe/");
		assert_string_equal(list_text(f, key_of("a"), step), "b c/ \xff");
		assert_string_equal(list_text(f, key_of("a!"), step), "");
		assert_string_equal(list_text(f, key_of("\xff\xfe"), step), "x");
	}
	struct children batch = { 0 };
	assert_int_equal(B->list(f->layer, KEY_ROOT, key_of("a0"), false, &batch), 0);
	assert_int_equal(batch.items[0].meta.mode, S_IFDIR | 0750);
	assert_int_equal(batch.items[1].meta.size, 1);
	children_fini(&batch);
	struct meta meta;
	assert_int_equal(B->dir_stat(f->layer, key_of("a"), &meta), 0);
	assert_int_equal(meta.mode, 0);
	assert_int_equal(B->dir_stat(f->layer, key_of("a!"), &meta), 0);
	assert_int_equal(meta.mode, S_IFDIR | 0750);
	assert_int_equal(B->dir_stat(f->layer, key_of("\xff\xfe"), &meta), 0);
	assert_int_equal(B->dir_stat(f->layer, key_of("z"), &meta), -ENOENT);
	assert_int_equal(B->dir_stat(f->layer, KEY_ROOT, &meta), 0);
	assert_int_equal(B->dir_remove(f->layer, key_of("a!")), 0);
	assert_int_equal(B->dir_stat(f->layer, key_of("a!"), &meta), -ENOENT);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Against a model: every child once, in the order of name (entries) and name + "/" (directories). */
static void test_listings_of_random_keys_agree_with_a_model(void **state)
{
	struct fixture *f = *state;
	static const char alphabet[] = "a!/0\xc3\xbc\xff";
	char *names[600], expected[65536] = "";
	size_t count = 0;
	unsigned seed = 7;

	open_layer(f);
	for (int i = 0; i < 300; i++) {
		char key[16] = "";
		size_t size = 0;
		for (int parts = 1 + rand_r(&seed) % 3; parts > 0; parts--) {
			for (int n = 1 + rand_r(&seed) % 2; n > 0; n--) {
				char c = alphabet[rand_r(&seed) % 7];
				key[size++] = c == '/' ? 'b' : c;
			}
			if (parts > 1)
				key[size++] = '/';
		}
		assert_int_equal(set_bytes(f, key_make(key, size), "v", 1, (struct meta){ 0 }), 0);
		char *slash = strchr(key, '/');
		names[count++] = strndup(key, slash ? (size_t)(slash - key) + 1 : size);
	}
	qsort(names, count, sizeof(names[0]), compare_text);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0) {
			strcat(expected, expected[0] ? " " : "");
			strcat(expected, names[i]);
		}
	assert_string_equal(list_text(f, KEY_ROOT, 200), expected);
	assert_string_equal(list_text(f, KEY_ROOT, 1), expected);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
}

static void test_a_listing_goes_on_over_batches(void **state)
{
	struct fixture *f = *state;
	char key[32];

	open_layer(f);
	for (int i = 0; i < CHILDREN_MAX * 2; i++) {
		snprintf(key, sizeof(key), "d/%05d%s", i, i % 3 == 0 ? "/x" : "");
		assert_int_equal(set(f, key, "v"), 0);
	}
	struct children batch = { 0 };
	struct key after = KEY_ROOT;
	char name[32];
	bool is_dir = false;
	size_t total = 0;
	do {
		children_clear(&batch);
		assert_int_equal(B->list(f->layer, key_of("d"), after, is_dir, &batch), 0);
		for (size_t i = 0; i < batch.count; i++, total++) {
			snprintf(key, sizeof(key), "%05zu", total);
			assert_true(key_equal(batch.items[i].name, key_of(key)));
			assert_int_equal(batch.items[i].is_dir, total % 3 == 0);
		}
		strcpy(name, key);
		after = key_of(name);
		is_dir = (total - 1) % 3 == 0;
	} while (!batch.end);
	assert_int_equal(total, CHILDREN_MAX * 2);
	children_fini(&batch);
}

static void test_prefixes_are_bytes(void **state)
{
	struct fixture *f = *state;
	struct meta marker = { .mode = S_IFDIR | 0755 }, meta;
	static const char *const keys[] = { "d/a", "d/b/c", "d/\xff", "d", "d0", "d!", "D/a", "d_/a", "dx/a" };

	open_layer(f);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(set(f, keys[i], keys[i]), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("d"), &marker), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("d/e"), &marker), 0);

	assert_int_equal(B->rename_prefix(f->layer, key_of("d"), key_of("n\xfe")), 0);
	assert_string_equal(list_text(f, key_of("n\xfe"), 9), "a b/ e/ \xff");
	expect_text(f, "n\xfe/b/c", "d/b/c");
	assert_int_equal(B->dir_stat(f->layer, key_of("d"), &meta), -ENOENT);
	assert_int_equal(B->rename_prefix(f->layer, key_of("n\xfe"), key_of("d")), 0);
	assert_string_equal(list_text(f, key_of("d"), 9), "a b/ e/ \xff");
	assert_int_equal(B->rename_prefix(f->layer, key_of("absent"), key_of("d2")), 0);
	assert_int_equal(B->rename_prefix(f->layer, key_of("d"), key_of("d/b")), -EINVAL);

	assert_int_equal(B->remove_prefix(f->layer, key_of("d_")), 0);
	expect_text(f, "dx/a", "dx/a");
	assert_int_equal(B->remove_prefix(f->layer, key_of("d")), 0);
	assert_string_equal(list_text(f, key_of("d"), 9), "");
	assert_int_equal(B->dir_stat(f->layer, key_of("d"), &meta), -ENOENT);
	assert_string_equal(list_text(f, KEY_ROOT, 9), "D/ d d! d0 dx/");
	assert_int_equal(B->remove_prefix(f->layer, KEY_ROOT), 0);
	assert_string_equal(list_text(f, KEY_ROOT, 9), "");
}

static void test_a_rename_of_many_keys_is_one_step(void **state)
{
	struct fixture *f = *state;
	char key[64], deep[KEY_MAX + 1];

	open_layer(f);
	for (int i = 0; i < 600; i++) {
		snprintf(key, sizeof(key), "from/%d/k", i);
		assert_int_equal(set(f, key, key), 0);
	}
	assert_int_equal(B->rename_prefix(f->layer, key_of("from"), key_of("to/sub")), 0);
	expect_text(f, "to/sub/599/k", "from/599/k");
	expect_miss(f, "from/599/k");
	memset(deep, 'x', KEY_MAX);
	memcpy(deep, "to/sub/", 7);
	deep[KEY_MAX] = '\0';
	assert_int_equal(set(f, deep, "deep"), 0);
	assert_int_equal(B->rename_prefix(f->layer, key_of("to"), key_of("longer")), -ENAMETOOLONG);
	expect_text(f, "to/sub/0/k", "from/0/k");
	expect_text(f, deep, "deep");
}

/* --- large values ----------------------------------------------------------------------------- */

static int set_large(struct fixture *f, const char *key, size_t size, int seed)
{
	char *bytes = malloc(size);

	memset(bytes, 'a' + seed, size);
	int rc = set_bytes(f, key_of(key), bytes, size, (struct meta){ 0 });
	free(bytes);
	return rc;
}

static void expect_large(struct fixture *f, const char *key, size_t size, int seed)
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

static void test_large_values_are_files(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	assert_int_equal(set_large(f, "d/big", 3 << 20, 1), 0);
	assert_int_equal(set_large(f, "inline", 60 << 10, 2), 0);
	assert_int_equal(value_files(f), 1);
	expect_large(f, "d/big", 3 << 20, 1);
	struct value *kept;
	struct meta meta;
	assert_int_equal(B->get(f->layer, key_of("d/big"), &kept, &meta), 0);
	assert_int_equal(set_large(f, "d/big", 2 << 20, 3), 0);
	assert_int_equal(value_files(f), 1);
	expect_large(f, "d/big", 2 << 20, 3);
	char byte;
	assert_int_equal(value_read(kept, &byte, 1, (3 << 20) - 1), 1);
	assert_int_equal(byte, 'b');
	value_unref(kept);
	assert_int_equal(B->rename(f->layer, key_of("d/big"), key_of("e/big")), 0);
	assert_int_equal(set_large(f, "e/x/big", 2 << 20, 4), 0);
	assert_int_equal(B->rename_prefix(f->layer, key_of("e"), key_of("g")), 0);
	expect_large(f, "g/big", 2 << 20, 3);
	expect_large(f, "g/x/big", 2 << 20, 4);
	assert_int_equal(value_files(f), 2);
	assert_int_equal(B->remove_prefix(f->layer, key_of("g")), 0);
	assert_int_equal(value_files(f), 0);
	assert_int_equal(set_large(f, "big", 2 << 20, 5), 0);
	assert_int_equal(set(f, "big", "small"), 0);
	assert_int_equal(value_files(f), 0);
	expect_text(f, "big", "small");
}

static void test_a_working_copy_is_adopted_without_copying(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;

	open_layer(f);
	int fd = B->temp_file(f->layer);
	assert_true(fd >= 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
					   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 512), 512);
	fstat(fd, &before);
	struct value *value = value_from_file(fd, 0, 200 * 512), *got;
	struct meta meta = { .size = 200 * 512, .version = 1, .mode = S_IFREG | 0644 }, found;
	value_checksum(value, &meta.checksum);
	assert_int_equal(B->set(f->layer, key_of("k"), value, &meta), 0);
	assert_int_equal(B->get(f->layer, key_of("k"), &got, &found), 0);
	uint64_t offset;
	fstat(value_fd(got, &offset), &after);
	assert_int_equal(before.st_ino, after.st_ino);
	value_unref(got);
	/* the same value again: its file has a name now, so it is copied */
	assert_int_equal(B->set(f->layer, key_of("k2"), value, &meta), 0);
	assert_int_equal(B->remove(f->layer, key_of("k")), 0);
	/* and again, when the name is gone: it cannot get another */
	assert_int_equal(B->set(f->layer, key_of("k3"), value, &meta), 0);
	assert_int_equal(B->get(f->layer, key_of("k3"), &got, &found), 0);
	value_unref(got);
	assert_int_equal(value_files(f), 2);
	value_unref(value);
	/* a small value in a file becomes bytes */
	fd = B->temp_file(f->layer);
	assert_int_equal(pwrite(fd, "..hello", 7, 0), 7);
	value = value_from_file(fd, 2, 5);
	meta = (struct meta){ .size = 5, .version = 1 };
	value_checksum(value, &meta.checksum);
	assert_int_equal(B->set(f->layer, key_of("small"), value, &meta), 0);
	value_unref(value);
	expect_text(f, "small", "hello");
	assert_int_equal(value_files(f), 2);
	assert_int_equal(B->sync(f->layer), 0);
}

static void test_orphans_are_swept_and_lost_files_are_misses(void **state)
{
	struct fixture *f = *state;
	char command[200];

	open_layer(f);
	assert_int_equal(set_large(f, "kept", 1 << 20, 1), 0);
	close_layer(f);
	snprintf(command, sizeof(command), "cd '%s.values' && echo x > 0123456789abcdef && echo > other", f->path);
	assert_int_equal(system(command), 0);
	open_layer(f);
	wait_until(5, value_files(f) == 2);
	expect_large(f, "kept", 1 << 20, 1);
	snprintf(command, sizeof(command), "rm -r '%s.values'", f->path);
	assert_int_equal(system(command), 0);
	int rc;
	get_text(f, key_of("kept"), &rc);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(set_large(f, "kept", 1 << 20, 2), 0);
	expect_large(f, "kept", 1 << 20, 2);
}

/* --- the limit -------------------------------------------------------------------------------- */

static void test_the_least_recently_used_go_and_only_as_many_as_needed(void **state)
{
	struct fixture *f = *state;
	struct layer_usage usage;
	char key[32];
	int rc;

	f->conf.size_limit = 4 << 20;
	open_layer(f);
	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(set_large(f, key, 20000, 1), 0);
		get_text(f, key_of("k0"), &rc);  /* a hit that no transaction has written yet */
		assert_int_equal(rc, 0);
		B->usage(f->layer, &usage);
		assert_true(usage.bytes <= f->conf.size_limit);
	}
	assert_true(usage.evictions > 0);
	assert_int_equal(usage.entries + usage.evictions, 300);
	assert_true(usage.bytes > f->conf.size_limit * 3 / 4);
	expect_large(f, "k299", 20000, 1);
	struct meta meta;
	for (uint64_t i = 1; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", (int)i);
		assert_int_equal(B->stat(f->layer, key_of(key), &meta), i <= usage.evictions ? -ENOENT : 0);
	}
	assert_true(is_gone(f, "k1"));
	assert_false(is_gone(f, "k0"));
}

static void test_value_files_count_and_too_big_is_refused(void **state)
{
	struct fixture *f = *state;
	struct layer_usage usage;

	f->conf.size_limit = 8 << 20;
	open_layer(f);
	assert_int_equal(set(f, "small", "s"), 0);
	assert_int_equal(set_large(f, "a", 3 << 20, 1), 0);
	assert_int_equal(set_large(f, "b", 3 << 20, 2), 0);
	assert_int_equal(value_files(f), 2);
	assert_int_equal(set_large(f, "c", 3 << 20, 3), 0);
	assert_int_equal(value_files(f), 2);
	expect_miss(f, "a");
	expect_large(f, "b", 3 << 20, 2);
	assert_int_equal(set_large(f, "b", 9 << 20, 2), -EFBIG);
	assert_int_equal(set_large(f, "b", (8 << 20) - 4096, 2), -EFBIG);
	assert_int_equal(set_large(f, "b", (7 << 20) - 100000, 2), -EFBIG);
	expect_large(f, "b", 3 << 20, 2);
	expect_large(f, "c", 3 << 20, 3);
	assert_int_equal(value_files(f), 2);
	close_layer(f);
	open_layer(f);
	B->usage(f->layer, &usage);
	assert_true(usage.bytes > 6 << 20);
	assert_int_equal(set_large(f, "d", 3 << 20, 4), 0);
	assert_int_equal(value_files(f), 2);
	B->usage(f->layer, &usage);
	assert_true(usage.bytes <= f->conf.size_limit);
}

/* --- other programs --------------------------------------------------------------------------- */

static const char python_schema[] =
	"CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL,"
	" updated_at REAL NOT NULL); CREATE INDEX idx_cache_expires ON cache(expires_at);";
static const char python_upsert[] =
	"INSERT INTO cache(cache_key, payload, expires_at, updated_at) VALUES('k', '{\"b\": 2}', NULL,"
	" 1700000001.25) ON CONFLICT(cache_key) DO UPDATE SET payload = excluded.payload,"
	" expires_at = excluded.expires_at, updated_at = excluded.updated_at";

static void test_an_old_database_is_upgraded_in_place(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db = other_program(f);

	run_sql(db, python_schema);
	run_sql(db, "INSERT INTO cache VALUES('k', '{\"gr\xc3\xbc\xc3\x9f\": 1}', NULL, 1700000000.5),"
		    "('old', 'x', 1700000000, 1700000000), ('dir/a', 'y', 1767225700.0004, 1700000000)");
	sqlite3_close(db);
	f->conf.size_limit = 1 << 20;
	open_layer(f);
	struct meta meta = stat_of(f, "k");
	assert_int_equal(meta.mode, 0);
	assert_int_equal(meta.version, 0);
	assert_int_equal(meta.ino, 0);
	assert_int_equal(meta.size, 13);
	assert_int_equal(meta.mtime.tv_sec, 1700000000);
	assert_int_equal(meta.mtime.tv_nsec, 500000000);
	expect_text(f, "k", "{\"gr\xc3\xbc\xc3\x9f\": 1}");
	expect_miss(f, "old");
	assert_int_equal(stat_of(f, "dir/a").expires_ms, 1767225700001);
	meta.mode = S_IFREG | 0600;
	assert_int_equal(B->touch(f->layer, key_of("k"), &meta, META_MODE), 0);
	meta = stat_of(f, "k");
	assert_int_equal(meta.mode, S_IFREG | 0600);
	assert_int_equal(meta.mtime.tv_sec, 1700000000);
	assert_int_equal(meta.size, 13);
	wait_until(5, is_gone(f, "old"));
}

static void test_another_programs_writes_are_foreign_entries(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	sqlite3 *db = other_program(f);
	struct meta mine = { .version = 5, .ino = 77 };
	assert_int_equal(set_bytes(f, key_of("k"), "mine", 4, mine), 0);
	run_sql(db, python_upsert);
	struct meta meta = stat_of(f, "k");
	assert_int_equal(meta.version, 0);
	assert_int_equal(meta.mode, 0);
	assert_int_equal(meta.ino, 0);
	assert_int_equal(meta.size, 8);
	assert_int_equal(meta.mtime.tv_nsec, 250000000);
	expect_text(f, "k", "{\"b\": 2}");

	assert_int_equal(set_bytes(f, key_of("k"), "mine", 4, mine), 0);
	assert_int_equal(stat_of(f, "k").version, 5);
	run_sql(db, "INSERT OR REPLACE INTO cache(cache_key, payload, expires_at, updated_at)"
		    " VALUES('k', 'replaced', NULL, 1)");
	assert_int_equal(stat_of(f, "k").version, 0);
	expect_text(f, "k", "replaced");

	assert_int_equal(set_large(f, "k", 1 << 20, 1), 0);
	run_sql(db, python_upsert);
	expect_text(f, "k", "{\"b\": 2}");

	assert_int_equal(set(f, "d/\xff", "v"), 0);
	assert_int_equal(set(f, "d/x", "v"), 0);
	run_sql(db, "DELETE FROM cache WHERE cache_key LIKE 'd/%'");
	expect_miss(f, "d/x");
	expect_miss(f, "d/\xff");
	assert_int_equal(ask_sql(db, "SELECT count(*) = (SELECT count(*) FROM cache) FROM cachefs_use"), 1);
	sqlite3_close(db);
}

static void test_a_table_made_anew_by_another_program_is_taken_up(void **state)
{
	struct fixture *f = *state;
	int rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
	sqlite3 *db = other_program(f);
	run_sql(db, "DROP TABLE cache");
	run_sql(db, python_schema);
	run_sql(db, "INSERT INTO cache VALUES('k', 'new', NULL, 1)");
	sqlite3_close(db);
	wait_until(8, get_text(f, key_of("k"), &rc) && strcmp(get_text(f, key_of("k"), &rc), "new") == 0);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
}

static void *set_later(void *self)
{
	struct fixture *f = self;
	return (void *)(intptr_t)set(f, "k", "after");
}

static void test_a_locked_database_delays_sets_but_not_gets(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "before"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "BEGIN EXCLUSIVE");
	pthread_create(&thread, NULL, set_later, f);
	int64_t start = time_mono_ms(&time_system);
	usleep(100000);
	expect_text(f, "k", "before");
	assert_true(time_mono_ms(&time_system) - start < 1000);
	run_sql(db, "COMMIT");
	pthread_join(thread, &rc);
	assert_null(rc);
	expect_text(f, "k", "after");

	run_sql(db, "BEGIN IMMEDIATE");
	start = time_mono_ms(&time_system);
	assert_int_equal(set(f, "k", "never"), -EHOSTDOWN);
	assert_in_range(time_mono_ms(&time_system) - start, DISK_BUSY_MS - 100, DISK_BUSY_MS + 3000);
	run_sql(db, "ROLLBACK");
	expect_text(f, "k", "after");
	sqlite3_close(db);
}

static void test_a_database_locked_at_the_start_comes_up_later(void **state)
{
	struct fixture *f = *state;
	struct meta meta;

	sqlite3 *db = other_program(f);
	run_sql(db, python_schema);
	run_sql(db, "INSERT INTO cache VALUES('k', 'v', NULL, 1)");
	run_sql(db, "BEGIN EXCLUSIVE");
	open_layer(f);
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -EHOSTDOWN);
	assert_int_equal(set(f, "k", "w"), -EHOSTDOWN);
	run_sql(db, "COMMIT");
	wait_until(10, B->stat(f->layer, key_of("k"), &meta) == 0);
	assert_int_equal(set(f, "k", "w"), 0);
	sqlite3_close(db);
}

/* --- faults ----------------------------------------------------------------------------------- */

static void test_a_damaged_file_is_never_overwritten(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "this is not a database, and somebody wants it back\n";
	char content[sizeof(text)] = "";
	struct meta meta;

	FILE *file = fopen(f->path, "w");
	fputs(text, file);
	fclose(file);
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), -EHOSTDOWN);
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -EHOSTDOWN);
	assert_int_equal(B->remove_prefix(f->layer, KEY_ROOT), -EHOSTDOWN);
	close_layer(f);
	file = fopen(f->path, "r");
	assert_int_equal(fread(content, 1, sizeof(content) - 1, file), sizeof(text) - 1);
	fclose(file);
	assert_string_equal(content, text);

	sqlite3 *db = NULL;
	unlink(f->path);
	db = other_program(f);
	run_sql(db, "CREATE TABLE cache(something TEXT)");
	sqlite3_close(db);
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), -EHOSTDOWN);
}

static void test_what_only_the_user_can_mend_is_a_problem(void **state)
{
	struct fixture *f = *state;
	struct problem problem = { 0 };
	char deep[128];

	f->conf.path = f->dir;
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), -EINVAL);
	assert_non_null(strstr(problem.message, "is a directory"));
	snprintf(deep, sizeof(deep), "%s/x/y/c.sqlite", f->dir);
	f->conf.path = deep;
	f->conf.ensure_directory = false;
	problem = (struct problem){ 0 };
	assert_int_equal(B->open(&f->conf, &f->env, &f->layer, &problem), -EINVAL);
	assert_non_null(strstr(problem.message, "does not exist"));
	f->conf.ensure_directory = true;
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	close_layer(f);
}

static void test_a_removed_file_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct meta meta;

	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	unlink(f->path);
	assert_int_equal(set(f, "k2", "v2"), 0);
	expect_text(f, "k2", "v2");
	assert_int_equal(B->stat(f->layer, key_of("k"), &meta), -ENOENT);
	close_layer(f);
	open_layer(f);
	expect_text(f, "k2", "v2");
}

static void test_a_wrong_checksum_is_a_miss(void **state)
{
	struct fixture *f = *state;
	int rc;

	open_layer(f);
	assert_int_equal(set(f, "k", "value"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "UPDATE cache SET payload = 'vulue', cachefs_stamp = cachefs_stamp + 1");
	sqlite3_close(db);
	get_text(f, key_of("k"), &rc);
	assert_int_equal(rc, -ENOENT);
	assert_int_equal(set(f, "k", "value"), 0);
	expect_text(f, "k", "value");
}

/* Sets keys until it is killed; tells through the pipe which ones were acknowledged. */
static void set_until_killed(struct fixture *f, int fd)
{
	open_layer(f);
	for (int i = 0;; i++) {
		char key[32];
		snprintf(key, sizeof(key), "k%d", i);
		int rc = i % 7 == 3 ? set_large(f, key, 100000, i % 20) : set(f, key, key);
		if (rc != 0 || write(fd, &i, sizeof(i)) != (ssize_t)sizeof(i))
			_exit(1);
	}
}

static void test_acknowledged_sets_survive_kill_9(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		int fds[2], last = -1, i;
		assert_int_equal(pipe(fds), 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(fds[0]);
			set_until_killed(f, fds[1]);
		}
		close(fds[1]);
		for (int n = 0; n < 200 + round * 37 && read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i); n++)
			last = i;
		kill(pid, SIGKILL);
		while (read(fds[0], &i, sizeof(i)) == (ssize_t)sizeof(i))
			last = i;
		waitpid(pid, NULL, 0);
		close(fds[0]);
		assert_true(last >= 199);
		open_layer(f);
		for (i = 0; i <= last; i++) {
			char key[32];
			snprintf(key, sizeof(key), "k%d", i);
			if (i % 7 == 3)
				expect_large(f, key, 100000, i % 20);
			else
				expect_text(f, key, key);
		}
		close_layer(f);
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

enum { THREADS = 6, ROUNDS = 150 };

struct worker {
	struct fixture *f;
	int number;
};

static void *work(void *self)
{
	struct worker *w = self;
	struct fixture *f = w->f;
	unsigned seed = (unsigned)w->number;
	struct children batch = { 0 };
	char key[32], bytes[3000];

	for (int i = 0; i < ROUNDS; i++) {
		struct value *value = NULL;
		struct meta meta = { 0 };
		int c = rand_r(&seed) % 26;
		memset(bytes, 'a' + c, sizeof(bytes));
		snprintf(key, sizeof(key), "s/%d", rand_r(&seed) % 10);
		assert_int_equal(set_bytes(f, key_of(key), bytes, 1000 + (size_t)c, (struct meta){ 0 }), 0);
		snprintf(key, sizeof(key), "s/%d", rand_r(&seed) % 10);
		int rc = B->get(f->layer, key_of(key), &value, &meta);
		assert_true(rc == 0 || rc == -ENOENT);
		if (rc == 0) {
			const char *got = value_bytes(value);
			assert_int_equal(value_size(value), 1000 + (size_t)(got[0] - 'a'));
			assert_int_equal(got[0], got[value_size(value) - 1]);
			value_unref(value);
		}
		snprintf(key, sizeof(key), "own%d/%d", w->number, i);
		assert_int_equal(set(f, key, key), 0);
		rc = i % 10 == 0 ? B->remove(f->layer, key_of("s/3")) : 0;
		assert_true(rc == 0 || rc == -ENOENT);
		rc = i % 25 == 0 ? B->sync(f->layer) : 0;
		assert_int_equal(rc, 0);
		children_clear(&batch);
		assert_int_equal(B->list(f->layer, KEY_ROOT, KEY_ROOT, false, &batch), 0);
		assert_true(batch.count >= 1);
	}
	children_fini(&batch);
	return NULL;
}

static void test_many_threads(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	f->conf.size_limit = 64 << 20;
	open_layer(f);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ f, i };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		char key[32];
		snprintf(key, sizeof(key), "own%d/%d", i, ROUNDS - 1);
		expect_text(f, key, key);
	}
}

/* A group commit in which one set is refused leaves the others alone. */
static void *set_or_fail(void *self)
{
	struct worker *w = self;
	char key[32];

	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "%d-%d", w->number, i);
		/* the last bytes that fit by the estimate, not by the pages */
		int rc = w->number == 0 ? set_large(w->f, key, 768 * 1024 - 24 * 4096 - 64, 1) : set(w->f, key, key);
		assert_true(rc == 0 || (w->number == 0 && rc == -EFBIG));
	}
	return NULL;
}

static void test_a_refused_set_does_not_spoil_the_group(void **state)
{
	struct fixture *f = *state;
	struct worker workers[3];
	pthread_t threads[3];

	f->conf.size_limit = 1 << 20;
	f->conf.inline_limit = 1 << 20;
	open_layer(f);
	for (int i = 0; i < 3; i++) {
		workers[i] = (struct worker){ f, i };
		pthread_create(&threads[i], NULL, set_or_fail, &workers[i]);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	struct layer_usage usage;
	B->usage(f->layer, &usage);
	assert_true(usage.bytes <= f->conf.size_limit);
	close_layer(f);
	f->conf.vacuum_on_start = true;
	open_layer(f);
	assert_int_equal(set(f, "k", "v"), 0);
	expect_text(f, "k", "v");
}

/* Not asserted: what a point read and a set cost. */
static void test_print_the_cost(void **state)
{
	struct fixture *f = *state;
	enum { N = 2000 };
	char key[32];
	struct timespec start, end;
	struct meta meta;

	f->conf.inline_limit = 1 << 20;
	open_layer(f);
#define MEASURE(what, count, statement)                                                            \
	clock_gettime(CLOCK_MONOTONIC, &start);                                                    \
	for (int i = 0; i < (count); i++) {                                                        \
		snprintf(key, sizeof(key), "dir%d/key%d", i % 10, i);                              \
		statement;                                                                         \
	}                                                                                          \
	clock_gettime(CLOCK_MONOTONIC, &end);                                                      \
	print_message("# %s: %.1f us\n", what,                                                     \
		      ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / \
			      1e3 / (count));
	MEASURE("set 4 KiB, new", N, set_large(f, key, 4096, 1));
	MEASURE("set 4 KiB, replaced", N, set_large(f, key, 4096, 2));
	MEASURE("stat", N, B->stat(f->layer, key_of(key), &meta));
	MEASURE("get 4 KiB", N, expect_large(f, key, 4096, 2));
	MEASURE("stat absent", N, (key[0] = 'x', B->stat(f->layer, key_of(key), &meta)));
	MEASURE("list 200 children", 20, list_text(f, key_of("dir1"), 128));
	MEASURE("list 10 directories of 200", 200, list_text(f, KEY_ROOT, 128));
	MEASURE("set 1 MiB inline", 10, set_large(f, key, 1 << 20, 1));
	MEASURE("stat 1 MiB inline", 10, B->stat(f->layer, key_of(key), &meta));
	MEASURE("get 1 MiB inline", 10, expect_large(f, key, 1 << 20, 1));
	MEASURE("set 2 MiB file", 10, set_large(f, key, 2 << 20, 1));
	MEASURE("get 2 MiB file", 10, expect_large(f, key, 2 << 20, 1));
	MEASURE("sync", 10, B->sync(f->layer));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_values_come_back_byte_exact),
		T(test_metadata_survives_a_restart),
		T(test_set_replaces_and_remove_removes),
		T(test_an_expired_entry_is_never_shown),
		T(test_rename_carries_everything),
		T(test_hits_are_kept_without_a_commit_per_get),
		T(test_listing_is_in_the_order_of_keys),
		T(test_listings_of_random_keys_agree_with_a_model),
		T(test_a_listing_goes_on_over_batches),
		T(test_prefixes_are_bytes),
		T(test_a_rename_of_many_keys_is_one_step),
		T(test_large_values_are_files),
		T(test_a_working_copy_is_adopted_without_copying),
		T(test_orphans_are_swept_and_lost_files_are_misses),
		T(test_the_least_recently_used_go_and_only_as_many_as_needed),
		T(test_value_files_count_and_too_big_is_refused),
		T(test_an_old_database_is_upgraded_in_place),
		T(test_another_programs_writes_are_foreign_entries),
		T(test_a_table_made_anew_by_another_program_is_taken_up),
		T(test_a_locked_database_delays_sets_but_not_gets),
		T(test_a_database_locked_at_the_start_comes_up_later),
		T(test_a_damaged_file_is_never_overwritten),
		T(test_what_only_the_user_can_mend_is_a_problem),
		T(test_a_removed_file_is_noticed),
		T(test_a_wrong_checksum_is_a_miss),
		T(test_acknowledged_sets_survive_kill_9),
		T(test_many_threads),
		T(test_a_refused_set_does_not_spoil_the_group),
		T(test_print_the_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
