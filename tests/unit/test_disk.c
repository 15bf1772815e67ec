/* The disk layer on real files: entries, directories, large values, the limit. */
#include "disk_fixture.h"

#include <sys/inotify.h>

/* --- entries ---------------------------------------------------------------------------------- */

static void test_values_come_back_byte_exact(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *bytes;
		size_t size;
		const char *type;
	} cases[] = {
		{ "", 0, "text" },
		{ "hi\n", 3, "text" },
		{ "a\0b", 3, "blob" },
		{ "\xff\xfe", 2, "blob" },
		{ "gr\xc3\xbc\xc3\x9f", 6, "text" },
		{ "\xc0\x80", 2, "blob" },
		{ "\xed\xa0\x80", 3, "blob" },
		{ "\xf4\x90\x80\x80", 4, "blob" },
		{ "{\"a\": 0.10}", 11, "text" },
		{ "1.0", 3, "text" },
	};

	open_layer(f);
	sqlite3 *db = other_program(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value *value;
		struct meta meta;
		assert_int_equal(set_bytes(f, key_of("k"), cases[i].bytes, cases[i].size,
					   (struct meta){ 0 }),
				 0);
		assert_int_equal(B->get(f->layer, key_of("k"), &value, &meta), 0);
		assert_int_equal(value_size(value), cases[i].size);
		assert_memory_equal(value_bytes(value), cases[i].bytes, cases[i].size);
		value_unref(value);
		meta_fini(&meta);
		char sql[100];
		snprintf(sql, sizeof(sql), "SELECT typeof(payload) = '%s' FROM cache",
			 cases[i].type);
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
	struct meta meta = { .ino = UINT64_MAX - 5,
			     .version = 7,
			     .hits = 3,
			     .created_ms = 12,
			     .copy = end_make(END_MOMENT, 1767225600999),
			     .own = end_make(END_MOMENT, 1767225600999),
			     .mtime = { -3, 999999999 },
			     .ctime = { 1LL << 40, 5 },
			     .mode = S_IFREG | 0751,
			     .uid = 4294967295u,
			     .gid = 12,
			     .xattrs = xattrs };
	assert_int_equal(set_bytes(f, key_of("d/k"), "v", 1, meta), 0);
	close_layer(f);
	open_layer(f);
	struct meta got = stat_of(f, "d/k");
	assert_int_equal(got.ino, meta.ino);
	assert_int_equal(got.version, 7);
	assert_int_equal(got.hits, 3);
	assert_int_equal(got.created_ms, 12);
	assert_int_equal(end_ms(got.copy), 1767225600999);
	assert_memory_equal(&got.mtime, &meta.mtime, sizeof(meta.mtime));
	assert_memory_equal(&got.ctime, &meta.ctime, sizeof(meta.ctime));
	assert_int_equal(got.mode, meta.mode);
	assert_int_equal(got.uid, meta.uid);
	assert_memory_equal(xattrs_find(got.xattrs, "user.x", &size), "1\0002", 3);
	meta_fini(&got);

	meta.copy = meta.own = end_none();
	meta.mode = S_IFREG | 0600;
	assert_int_equal(B->touch(f->layer, key_of("d/k"), &meta, META_EXPIRY | META_MODE), 0);
	assert_int_equal(B->touch(f->layer, key_of("absent"), &meta, META_MODE), -ENOENT);
	got = stat_of(f, "d/k");
	assert_false(end_comes(got.copy));
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
	struct meta meta = { .copy = end_make(END_STEADY, atomic_load(&f->now_ms) + 10) };

	open_layer(f);
	assert_int_equal(set_bytes(f, key_of("d/k"), "v", 1, meta), 0);
	assert_int_equal(set(f, "other", "v"), 0);
	atomic_fetch_add(&f->now_ms, 9);
	expect_text(f, "d/k", "v");
	assert_int_equal(stat_of(f, "d/k").copy.number, meta.copy.number);
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

/* Reads while the other thread moves the key to and fro, with its hits. */
struct hits_watch {
	struct fixture *f;
	atomic_uint_fast64_t noted;
	atomic_bool stop;
	uint64_t missing; /* of those noted before; 0: it never was so */
	uint64_t reads;
};

static void *watch_hits(void *self)
{
	struct hits_watch *w = self;
	struct meta meta;

	while (!atomic_load(&w->stop)) {
		uint64_t noted = atomic_load(&w->noted);
		if (B->stat(w->f->layer, key_of("a"), &meta) < 0 &&
		    B->stat(w->f->layer, key_of("b"), &meta) < 0)
			continue;
		if (meta.hits < noted)
			w->missing = noted - meta.hits;
		meta_fini(&meta);
		w->reads++;
	}
	return NULL;
}

static void test_a_key_never_has_fewer_hits_than_before(void **state)
{
	struct fixture *f = *state;
	struct hits_watch w = { .f = f };
	pthread_t thread;

	open_layer(f);
	assert_int_equal(set(f, "a", "v"), 0);
	assert_int_equal(pthread_create(&thread, NULL, watch_hits, &w), 0);
	for (int i = 0; i < 3000; i++) {
		struct key from = key_of(i % 2 == 0 ? "a" : "b");
		B->note_hit(f->layer, from);
		atomic_fetch_add(&w.noted, 1);
		B->rename(f->layer, from, key_of(i % 2 == 0 ? "b" : "a"));
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	assert_true(w.reads > 0);
	assert_int_equal(w.missing, 0);
	assert_int_equal(stat_of(f, "a").hits, 3000);
}

/* What a transaction took is not lost with it. */
static void test_hits_outlive_a_write_that_failed(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	assert_int_equal(set(f, "a", "v"), 0);
	expect_text(f, "a", "v");
	sqlite3 *db = other_program(f);
	run_sql(db, "CREATE TRIGGER no BEFORE UPDATE ON cache WHEN new.cache_key = 'b'"
		    " BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_true(B->rename(f->layer, key_of("a"), key_of("b")) < 0);
	run_sql(db, "DROP TRIGGER no");
	sqlite3_close(db);
	expect_text(f, "a", "v");
	assert_int_equal(stat_of(f, "a").hits, 2);
	close_layer(f);
	open_layer(f);
	assert_int_equal(stat_of(f, "a").hits, 2);
}

/* --- directories ------------------------------------------------------------------------------ */

static void test_listing_is_in_the_order_of_keys(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = { "a", "a!",   "a/b",    "a/c/d", "a0", "\xff\xfe/x",
					    "z", "\xff", "a/\xff", "m/x",   "m/y" };
	struct meta marker = { .mode = S_IFDIR | 0750, .ino = 4 };

	open_layer(f);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_int_equal(set(f, keys[i], "v"), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("m"), &marker), 0);
	assert_int_equal(B->dir_set(f->layer, key_of("a!"), &marker), 0);
	assert_int_equal(B->dir_set(f->layer, KEY_ROOT, &marker), 0);
	for (size_t step = 1; step < 12; step++) {
		assert_string_equal(list_text(f, KEY_ROOT, step),
				    "a a! a!/ a/ a0 m/ z \xff \xff\xfe/");
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

/* Against a model: every child once, in the order of name (entries) and name + "/" (directories).
 */
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
		memcpy(name, key, sizeof(key));
		after = key_of(name);
		is_dir = (total - 1) % 3 == 0;
	} while (!batch.end);
	assert_int_equal(total, CHILDREN_MAX * 2);
	children_fini(&batch);
}

/* Another program may have written what no call can name. */
static void test_a_marker_that_is_too_long_hides_nothing(void **state)
{
	struct fixture *f = *state;

	open_layer(f);
	assert_int_equal(set(f, "a", "v"), 0);
	assert_int_equal(set(f, "z", "v"), 0);
	sqlite3 *db = other_program(f);
	run_sql(db, "INSERT INTO cachefs_dirs(dir, mode) VALUES"
		    " (replace(hex(zeroblob(2500)), '0', 'd') || '/', 493)");
	sqlite3_close(db);
	assert_string_equal(list_text(f, KEY_ROOT, 128), "a z");
}

static void test_prefixes_are_bytes(void **state)
{
	struct fixture *f = *state;
	struct meta marker = { .mode = S_IFDIR | 0755 }, meta;
	static const char *const keys[] = { "d/a", "d/b/c", "d/\xff", "d",   "d0",
					    "d!",  "D/a",   "d_/a",   "dx/a" };

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

	assert_int_equal(B->remove_prefix(f->layer, key_of("d_/")), 0);
	expect_text(f, "dx/a", "dx/a");
	assert_int_equal(B->remove_prefix(f->layer, key_of("d/")), 0);
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
	expect_text(f, "from/7/k", "from/7/k");
	assert_int_equal(B->rename_prefix(f->layer, key_of("from"), key_of("to/sub")), 0);
	assert_int_equal(stat_of(f, "to/sub/7/k").hits, 1);
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
	assert_int_equal(B->remove_prefix(f->layer, key_of("g/")), 0);
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
		assert_int_equal(
			write(fd,
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			      512),
			512);
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
	char path[160];
	static const char *const strays[] = { "0123456789abcdef", "other" };

	open_layer(f);
	assert_int_equal(set_large(f, "kept", 1 << 20, 1), 0);
	close_layer(f);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s.values/%s", f->path, strays[i]);
		FILE *stray = fopen(path, "w");
		assert_non_null(stray);
		assert_int_equal(fclose(stray), 0);
	}
	open_layer(f);
	wait_until(5, value_files(f) == 2);
	expect_large(f, "kept", 1 << 20, 1);
	snprintf(path, sizeof(path), "%s.values", f->path);
	assert_int_equal(remove_tree(path), 0);
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
		get_text(f, key_of("k0"), &rc); /* a hit that no transaction has written yet */
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
		assert_int_equal(B->stat(f->layer, key_of(key), &meta),
				 i <= usage.evictions ? -ENOENT : 0);
	}
	assert_true(is_gone(f, "k1"));
	assert_false(is_gone(f, "k0"));
}

static void test_what_is_set_after_the_clock_was_put_back_is_the_youngest(void **state)
{
	struct fixture *f = *state;
	char key[32];

	f->conf.size_limit = 4 << 20;
	open_layer(f);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(set_large(f, key, 20000, 1), 0);
	}
	close_layer(f);
	f->now_ms -= 24 * 3600 * 1000;
	open_layer(f);
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "new%d", i);
		assert_int_equal(set_large(f, key, 20000, 1), 0);
	}
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "new%d", i);
		expect_large(f, key, 20000, 1);
	}
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
	assert_int_equal(set_large(f, "b", (7 << 20), 2), -EFBIG);
	expect_large(f, "b", 3 << 20, 2);
	expect_large(f, "c", 3 << 20, 3);
	assert_int_equal(value_files(f), 2);
	close_layer(f);
	open_layer(f);
	B->usage(f->layer, &usage);
	assert_true(usage.bytes > 6 << 20);
	assert_int_equal(set_large(f, "d", 3 << 20, 4), 0);
	assert_int_equal(value_files(f), 2);
	wait_until(5, (B->usage(f->layer, &usage), usage.bytes <= f->conf.size_limit));
}

/* The most files that were in the directory at once, by the order in which they came and went. */
static int most_files(int watch, int count)
{
	_Alignas(struct inotify_event) char events[65536];
	int most = count;
	ssize_t n = read(watch, events, sizeof(events));

	assert_true(n > 0);
	for (char *at = events; at < events + n;) {
		const struct inotify_event *event = (const struct inotify_event *)at;
		count += event->mask & IN_CREATE ? 1 : -1;
		most = count > most ? count : most;
		at += sizeof(*event) + event->len;
	}
	return most;
}

static void test_room_is_made_before_a_file_comes(void **state)
{
	struct fixture *f = *state;
	char path[128], key[16];

	f->conf.size_limit = 8 << 20;
	open_layer(f);
	assert_int_equal(set_large(f, "a", 3 << 20, 1), 0);
	snprintf(path, sizeof(path), "%s.values", f->path);
	int watch = inotify_init1(IN_CLOEXEC);
	assert_true(inotify_add_watch(watch, path, IN_CREATE | IN_DELETE) >= 0);
	for (int i = 0; i < 6; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(set_large(f, key, 3 << 20, i), 0);
	}
	assert_int_equal(most_files(watch, 1), 2);
	close(watch);
	expect_large(f, "k4", 3 << 20, 4);
	expect_large(f, "k5", 3 << 20, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_values_come_back_byte_exact),
		T(test_metadata_survives_a_restart),
		T(test_set_replaces_and_remove_removes),
		T(test_an_expired_entry_is_never_shown),
		T(test_rename_carries_everything),
		T(test_hits_are_kept_without_a_commit_per_get),
		T(test_a_key_never_has_fewer_hits_than_before),
		T(test_hits_outlive_a_write_that_failed),
		T(test_listing_is_in_the_order_of_keys),
		T(test_listings_of_random_keys_agree_with_a_model),
		T(test_a_listing_goes_on_over_batches),
		T(test_a_marker_that_is_too_long_hides_nothing),
		T(test_prefixes_are_bytes),
		T(test_a_rename_of_many_keys_is_one_step),
		T(test_large_values_are_files),
		T(test_a_working_copy_is_adopted_without_copying),
		T(test_orphans_are_swept_and_lost_files_are_misses),
		T(test_the_least_recently_used_go_and_only_as_many_as_needed),
		T(test_what_is_set_after_the_clock_was_put_back_is_the_youngest),
		T(test_value_files_count_and_too_big_is_refused),
		T(test_room_is_made_before_a_file_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
