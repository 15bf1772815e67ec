/*
 * A database with a changed byte, or cut off, at many places: a get is the right value or fails, a
 * set is kept or refused, and nothing else happens. With LONG=1 at ten times as many.
 */
#include "disk_fixture.h"

#include <fcntl.h>

enum { PLACES = 240, SMALL = 30 };

struct image {
	uint8_t *bytes;
	size_t size;
};

static void value_of(int i, char text[400])
{
	snprintf(text, 400, "value %d %0*d", i, i * 11 + 1, i);
}

static struct image make_database(struct fixture *f)
{
	struct image image = { 0 };
	char key[32], text[400];
	struct stat st;

	open_layer(f);
	for (int i = 0; i < SMALL; i++) {
		snprintf(key, sizeof(key), i % 3 ? "k%d" : "dir/k%d", i);
		value_of(i, text);
		assert_int_equal(set(f, key, text), 0);
	}
	assert_int_equal(set_large(f, "inline", 30000, 1), 0);
	assert_int_equal(set_large(f, "file", 100000, 2), 0);
	struct meta marker = { .mode = S_IFDIR | 0755 };
	assert_int_equal(B->dir_set(f->layer, key_of("marker"), &marker), 0);
	close_layer(f);
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	image.size = (size_t)st.st_size;
	image.bytes = malloc(image.size);
	assert_int_equal(read(fd, image.bytes, image.size), image.size);
	close(fd);
	return image;
}

/* The database anew, of these bytes, without a log. */
static void write_database(struct fixture *f, const uint8_t *bytes, size_t size)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char path[128];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		unlink(path);
	}
	int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static bool is_unchanged(struct fixture *f, const uint8_t *bytes, size_t size)
{
	uint8_t *now = malloc(size + 1);
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	bool same = read(fd, now, size + 1) == (ssize_t)size && memcmp(now, bytes, size) == 0;

	close(fd);
	free(now);
	return same;
}

/* Right or not there. True: right. */
static bool check_get(struct fixture *f, const char *key, const void *expected, size_t size,
		      const char *place)
{
	struct value *value = NULL;
	struct meta meta = { 0 };
	char *bytes = malloc(size);

	bool right = B->get(f->layer, key_of(key), &value, &meta) == 0;
	if (right &&
	    (value_size(value) != size || value_read(value, bytes, size, 0) != (ssize_t)size ||
	     memcmp(bytes, expected, size) != 0))
		fail_msg("%s: wrong bytes for %s", place, key);
	value_unref(value);
	meta_fini(&meta);
	free(bytes);
	return right;
}

static int check_gets(struct fixture *f, const char *place)
{
	static char large[100000];
	char key[32], text[400];
	int right = 0;

	for (int i = 0; i < SMALL; i++) {
		snprintf(key, sizeof(key), i % 3 ? "k%d" : "dir/k%d", i);
		value_of(i, text);
		right += check_get(f, key, text, strlen(text), place);
		snprintf(key, sizeof(key), "l%d", i); /* never set: nobody else's value either */
		if (check_get(f, key, text, strlen(text), place))
			fail_msg("%s: %s came into being", place, key);
	}
	memset(large, 'b', sizeof(large));
	right += check_get(f, "inline", large, 30000, place);
	memset(large, 'c', sizeof(large));
	return right + check_get(f, "file", large, 100000, place);
}

static void check_listing(struct fixture *f, struct key dir)
{
	struct children batch = { 0 };

	B->list(f->layer, dir, KEY_ROOT, false, &batch);
	children_fini(&batch);
}

static int check(struct fixture *f, const uint8_t *bytes, size_t size, const char *place)
{
	write_database(f, bytes, size);
	open_layer(f);
	struct disk *d = f->layer;
	bool up = atomic_load(&d->up);
	int right = check_gets(f, place);
	check_listing(f, KEY_ROOT);
	check_listing(f, key_of("dir"));
	if (set(f, "new", "fresh") == 0)
		check_get(f, "new", "fresh", 5, place);
	close_layer(f);
	if (!up && !is_unchanged(f, bytes, size))
		fail_msg("%s: a damaged database was written to", place);
	return right;
}

static int places(void)
{
	return getenv("LONG") ? PLACES * 10 : PLACES;
}

static void test_a_changed_byte_is_never_a_wrong_value(void **state)
{
	struct fixture *f = *state;
	struct image image = make_database(f);
	char place[64];
	int all = check(f, image.bytes, image.size, "as it was");

	assert_int_equal(all, SMALL + 2);
	for (int i = 0; i < places(); i++) {
		/* the header densely, the rest evenly */
		size_t at = i < places() / 4 ? (size_t)i * 7 % 500
					     : (size_t)i * image.size / (size_t)places();
		uint8_t before = image.bytes[at];
		image.bytes[at] ^= (uint8_t)(i % 2 ? 1 << i % 8 : 0xff);
		snprintf(place, sizeof(place), "byte %zu of %zu", at, image.size);
		check(f, image.bytes, image.size, place);
		image.bytes[at] = before;
	}
	free(image.bytes);
}

static void test_a_database_that_is_cut_off_is_never_a_wrong_value(void **state)
{
	struct fixture *f = *state;
	struct image image = make_database(f);
	char place[64];

	for (int i = 0; i < places() / 8; i++) {
		size_t size = (size_t)i * image.size / (size_t)(places() / 8);
		snprintf(place, sizeof(place), "cut to %zu of %zu", size, image.size);
		check(f, image.bytes, size, place);
	}
	free(image.bytes);
}

static void test_a_page_of_zeros_is_never_a_wrong_value(void **state)
{
	struct fixture *f = *state;
	struct image image = make_database(f);
	char place[64];
	uint8_t page[4096];

	for (size_t at = 0; at + sizeof(page) <= image.size; at += sizeof(page)) {
		memcpy(page, image.bytes + at, sizeof(page));
		memset(image.bytes + at, 0, sizeof(page));
		snprintf(place, sizeof(place), "page at %zu", at);
		check(f, image.bytes, image.size, place);
		memcpy(image.bytes + at, page, sizeof(page));
	}
	free(image.bytes);
}

/* Damage that a statement meets takes the layer down; a good file brings it back. */
static void test_a_damaged_page_takes_the_layer_down_until_the_file_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct image image = make_database(f);
	uint8_t *damaged = malloc(image.size);
	struct disk *d;
	sqlite3 *db;

	memcpy(damaged, image.bytes, image.size);
	db = other_program(f);
	int64_t root = ask_sql(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'cache'");
	sqlite3_close(db);
	memset(damaged + (root - 1) * 4096, 0xff, 4096);
	write_database(f, damaged, image.size);
	open_layer(f);
	d = f->layer;
	assert_true(atomic_load(&d->up));
	int rc;
	assert_null(get_text(f, key_of("k1"), &rc));
	wait_until(10, !atomic_load(&d->up));
	assert_int_equal(set(f, "k1", "new"), -EHOSTDOWN);
	assert_true(is_unchanged(f, damaged, image.size));
	write_database(f, image.bytes, image.size);
	pass(f, DISK_RETRY_MS);
	wait_until(20, atomic_load(&d->up));
	assert_int_equal(set(f, "k1", "new"), 0);
	expect_text(f, "k1", "new");
	free(damaged);
	free(image.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_changed_byte_is_never_a_wrong_value),
		T(test_a_database_that_is_cut_off_is_never_a_wrong_value),
		T(test_a_page_of_zeros_is_never_a_wrong_value),
		T(test_a_damaged_page_takes_the_layer_down_until_the_file_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
