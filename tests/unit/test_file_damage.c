/*
 * JSON files with a flipped bit, or cut off: the layer comes up, an entry is right or a miss, the
 * others are right, and no key comes into being. LONG=1: at 2,000 places.
 */
#include "contract.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "registry.h"
#include "base/log.h"
#include "damage.h"

enum { PLACES = 150, FILES_MAX = 16 };

/* The same key as another's file name wants: its file's name has a hash. */
static const struct kept {
	const char *key, *bytes;
	size_t size;
} kept[] = {
	{ "answers/6x7", "{\"text\": [0.10, \"42\"]}\n", 23 },
	{ "answers_6x7", "another", 7 },
	{ "text", "plain \"text\"\twith \\ and \303\244 in it\n", 33 },
	{ "binary", "\0\1\2\377\376 \n", 7 },
	{ "empty", "", 0 },
	{ "a/b/c", "[]", 2 },
	{ "k\377\001", "17", 2 },
};

enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static void put_all(struct fixture *f)
{
	for (size_t i = 0; i < KEPT; i++) {
		struct value *value = value_copy(kept[i].bytes, kept[i].size);
		struct meta meta = full_meta(value);
		assert_int_equal(f->backend->set(f->state, key_of(kept[i].key), value, &meta), 0);
		meta_fini(&meta);
		value_unref(value);
	}
	make_dir(f, "marker");
	make_dir(f, "a");
}

/* The names of all files; their count. */
static size_t list_files(struct fixture *f, char paths[FILES_MAX][512])
{
	char dir[128];
	size_t count = 0;
	struct dirent *e;

	snprintf(dir, sizeof(dir), "%s/entries", f->dir);
	DIR *d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		assert_true(count < FILES_MAX);
		snprintf(paths[count++], 512, "%s/%s", dir, e->d_name);
	}
	closedir(d);
	return count;
}

/* Whether it is there; its bytes are right then. */
static bool check_get(struct fixture *f, const struct kept *k, const struct damage *d)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	char bytes[64];
	int rc = f->backend->get(f->state, key_of(k->key), &value, &meta);

	if (rc == 0 && (value_size(value) != k->size || meta.size != k->size ||
			value_read(value, bytes, sizeof(bytes), 0) != (ssize_t)k->size ||
			memcmp(bytes, k->bytes, k->size) != 0))
		fail_msg("%s: wrong bytes for %s", d->text, k->key);
	if (rc != 0 && rc != -ENOENT)
		fail_msg("%s: %s: %s", d->text, k->key, strerror(-rc));
	meta_fini(&meta);
	value_unref(value);
	return rc == 0;
}

static void expect_known(const char *dir, struct key name, const struct damage *d)
{
	char key[512];

	snprintf(key, sizeof(key), "%s%s%.*s", dir, *dir ? "/" : "", (int)name.size, name.bytes);
	for (size_t i = 0; i < KEPT; i++)
		if (strcmp(kept[i].key, key) == 0)
			return;
	fail_msg("%s: %s came into being", d->text, key);
}

static void check_names(struct fixture *f, const char *dir, const struct damage *d)
{
	static struct children batch;

	list_after(f, dir, "", false, &batch);
	assert_true(batch.end);
	for (size_t i = 0; i < batch.count; i++)
		if (!batch.items[i].is_dir)
			expect_known(dir, batch.items[i].name, d);
	children_fini(&batch);
}

static void check(struct fixture *f, const struct damage *d)
{
	size_t right = 0;

	open_layer(f);
	for (size_t i = 0; i < KEPT; i++)
		right += check_get(f, &kept[i], d);
	if (right + 1 < KEPT)
		fail_msg("%s: %zu of %d entries are left", d->text, right, KEPT);
	check_names(f, "", d);
	check_names(f, "a", d);
	check_names(f, "answers", d);
	put(f, "new", "fresh");
	expect(f, "new", "fresh");
	assert_int_equal(f->backend->remove(f->state, key_of("new")), 0);
	close_layer(f);
}

/* Not by a program: the file's times are as they were. */
static void write_unseen(const char *path, const void *bytes, size_t size, const struct stat *was)
{
	const struct timespec times[2] = { was->st_atim, was->st_mtim };

	damage_write_file(path, bytes, size);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A file damaged, and then as it was. */
static void try(struct fixture *f, const char *path, struct damage *d)
{
	struct stat was;
	size_t size;
	uint8_t *good = damage_read_file(path, &size), *bytes = malloc(size + 1);

	assert_non_null(bytes);
	memcpy(bytes, good, size);
	size_t left = damage_do(d, strrchr(path, '/') + 1, bytes, size);
	assert_int_equal(stat(path, &was), 0);
	write_unseen(path, bytes, left, &was);
	check(f, d);
	write_unseen(path, good, size, &was);
	free(bytes);
	free(good);
}

static void a_damaged_file_is_a_miss_and_harms_no_other(void **state)
{
	static char paths[FILES_MAX][512];
	struct fixture *f = fixture_new(backend_find("file"));
	struct damage d;

	(void)state;
	put_all(f);
	close_layer(f);
	size_t count = list_files(f, paths);
	assert_int_equal(count, KEPT + 1); /* and that of the markers */
	damage_start(&d, PLACES);
	while (damage_next(&d))
		try(f, paths[damage_below(&d, count)], &d);
	open_layer(f);
	for (size_t i = 0; i < KEPT; i++)
		assert_true(check_get(f, &kept[i], &d));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_file_is_a_miss_and_harms_no_other),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
