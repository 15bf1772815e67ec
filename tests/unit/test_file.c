/* The file layer: what its directory may look like, and what it meets there. */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../backends/file.h"
#include "../../backends/file_entry.h"
#include "../../backends/log.h"

enum { KEYS = 300, STARTS = 5 };

static const char *path_in(const struct fixture *f, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/entries/%s", f->dir, name);
	return path;
}

/* As a rename of a directory that was cut off leaves it. */
static void write_move(const struct fixture *f, const char *from, const char *to)
{
	const char *keys[] = { from, to };
	const struct meta nothing = { 0 };
	FILE *note = fopen(path_in(f, ".cachefs-rename"), "w");
	size_t size;
	char *text;

	assert_non_null(note);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			file_entry_write(key_of(keys[i]), NULL, NULL, &nothing, &text, &size), 0);
		fputs(i == 0 ? "[\n" : ",\n", note);
		assert_int_equal(fwrite(text, 1, size, note), size);
		free(text);
	}
	fputs("]\n", note);
	fclose(note);
}

static void a_start_that_is_cut_off_finishes_no_rename_half(void **state)
{
	struct fixture *f = fixture_new(&backend_file);
	char key[32];

	(void)state;
	for (int i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "d/%03d", i);
		put(f, key, "v");
	}
	close_layer(f);
	write_move(f, "d/", "e/");
	for (int i = 0; i < STARTS; i++) {
		open_layer(f);
		usleep((useconds_t)(1000 * i));
		close_layer(f);
	}
	open_layer(f);
	assert_string_equal(names_in(f, "d"), "");
	for (int i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "e/%03d", i);
		expect(f, key, "v");
	}
	fixture_free(f);
}

static void an_entry_is_not_forgotten_for_want_of_descriptors(void **state)
{
	struct fixture *f = fixture_new(&backend_file);
	struct rlimit limit, none;

	(void)state;
	put(f, "a_b", "plain");
	put(f, "a/b", "hashed");
	expect(f, "a/b", "hashed");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	expect_miss(f, "a/b");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect(f, "a/b", "hashed");
	assert_int_equal(f->gone, 0);
	fixture_free(f);
}

static void what_is_no_entry_is_in_nobodys_way(void **state)
{
	struct fixture *f = fixture_new(&backend_file);

	(void)state;
	put(f, "k", "v");
	close_layer(f);
	assert_int_equal(mkfifo(path_in(f, ".cachefs-tmp-1-1"), 0600), 0);
	assert_int_equal(mkfifo(path_in(f, "fifo.json"), 0600), 0);
	assert_int_equal(mkdir(path_in(f, "directory.json"), 0700), 0);
	assert_int_equal(symlink("k.json", path_in(f, "link.json")), 0);
	int fd = open(path_in(f, "sparse.json"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && ftruncate(fd, (off_t)3 << 30) == 0);
	close(fd);
	open_layer(f);
	expect(f, "k", "v");
	assert_string_equal(names_in(f, ""), "k");
	put(f, "link", "no link");
	put(f, "sparse", "set");
	expect(f, "k", "v");
	assert_string_equal(names_in(f, ""), "k link sparse");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_that_is_cut_off_finishes_no_rename_half),
		cmocka_unit_test(an_entry_is_not_forgotten_for_want_of_descriptors),
		cmocka_unit_test(what_is_no_entry_is_in_nobodys_way),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
