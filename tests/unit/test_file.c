/* The file layer: what its directory may look like, and what it meets there. */
#include "contract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry.h"
#include "file/entry_write.h"
#include "file/layer.h"
#include "base/log.h"
#include "damage.h"

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
			file_entry_write(key_of(keys[i]), NULL, NULL, &nothing, NULL, &text, &size),
			0);
		fputs(i == 0 ? "[\n" : ",\n", note);
		assert_int_equal(fwrite(text, 1, size, note), size);
		free(text);
	}
	fputs("]\n", note);
	fclose(note);
}

static void a_start_that_is_cut_off_finishes_no_rename_half(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
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

static void want_of_descriptors_is_no_miss(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	struct rlimit limit, none;
	struct value *value;
	struct meta meta;

	(void)state;
	put(f, "a_b", "plain");
	put(f, "a/b", "hashed");
	expect(f, "a/b", "hashed");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int get = f->backend->get(f->state, key_of("a/b"), &value, &meta);
	int stat = f->backend->stat(f->state, key_of("a/b"), &meta);
	int absent = f->backend->stat(f->state, key_of("absent"), &meta);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(get, -EMFILE);
	assert_int_equal(stat, 0);
	assert_int_equal(absent, -ENOENT);
	expect(f, "a/b", "hashed");
	assert_int_equal(f->gone, 0);
	fixture_free(f);
}

static void what_is_no_entry_is_in_nobodys_way(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));

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

/* inotify tells nothing any more: as on a file system of another machine, or when it is late. */
static void hear_nothing(struct fixture *f)
{
	const struct file_layer *layer = f->state;
	int silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(silent >= 0);
	assert_true(dup3(silent, layer->inotify_fd, O_CLOEXEC) >= 0);
	close(silent);
}

/* As the Python package writes it; in the place of the file, so that it is another one. */
static void write_foreign(const struct fixture *f, const char *name, const char *payload)
{
	char temp[256];
	FILE *file;

	snprintf(temp, sizeof(temp), "%s/foreign", f->dir);
	file = fopen(temp, "w");
	assert_non_null(file);
	fprintf(file, "{\n  \"payload\": %s,\n  \"expires_at\": null\n}", payload);
	fclose(file);
	assert_int_equal(rename(temp, path_in(f, name)), 0);
}

static void expect_foreign(struct fixture *f, const char *key, const char *text)
{
	struct value *value;
	struct meta meta;

	assert_int_equal(f->backend->get(f->state, key_of(key), &value, &meta), 0);
	assert_int_equal(meta.version, 0);
	assert_int_equal(value_size(value), meta.size);
	assert_int_equal(meta.size, strlen(text));
	assert_memory_equal(value_bytes(value), text, strlen(text));
	value_unref(value);
	meta_fini(&meta);
}

/* The key a_b in a file whose name has a hash. */
static void put_hashed(struct fixture *f)
{
	put(f, "a/b", "slash");
	put(f, "a_b", "old");
	assert_int_equal(f->backend->remove(f->state, key_of("a/b")), 0);
	expect(f, "a_b", "old");
}

static void the_other_file_of_a_key_is_found_without_being_told(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	struct meta meta;

	(void)state;
	put_hashed(f);
	hear_nothing(f);
	write_foreign(f, "a_b.json", "17");
	assert_int_equal(f->backend->stat(f->state, key_of("a_b"), &meta), 0);
	assert_int_equal(meta.size, 2);
	expect_foreign(f, "a_b", "17");
	write_foreign(f, "a_b.json", "18");
	expect_foreign(f, "a_b", "18");
	fixture_free(f);
}

static void a_new_file_of_a_key_replaces_the_other_one_for_good(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));

	(void)state;
	put_hashed(f);
	write_foreign(f, "a_b.json", "17");
	expect_foreign(f, "a_b", "17");
	assert_int_equal(unlink(path_in(f, "a_b.json")), 0);
	expect_miss(f, "a_b");
	close_layer(f);
	open_layer(f);
	expect_miss(f, "a_b");
	fixture_free(f);
}

static void an_older_file_of_a_key_goes_with_it(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };

	(void)state;
	put_hashed(f);
	write_foreign(f, "a_b.old", "17"); /* seen only when it is old */
	assert_int_equal(utimensat(AT_FDCWD, path_in(f, "a_b.old"), old, 0), 0);
	int dir_fd = ((struct file_layer *)f->state)->dir_fd;
	assert_int_equal(renameat(dir_fd, "a_b.old", dir_fd, "a_b.json"), 0);
	expect(f, "a_b", "old");
	assert_int_equal(f->backend->remove(f->state, key_of("a_b")), 0);
	expect_miss(f, "a_b");
	close_layer(f);
	open_layer(f);
	expect_miss(f, "a_b");
	fixture_free(f);
}

static void a_file_of_another_daemon_is_found_without_being_told(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	void *other;
	struct problem problem = { 0 };

	(void)state;
	put(f, "a/b", "slash");
	hear_nothing(f);
	assert_int_equal(f->backend->open(f->conf, &f->env, &other, &problem), 0);
	struct value *value = value_copy("hashed", 6);
	struct meta meta = meta_for(value);
	assert_int_equal(f->backend->set(other, key_of("a_b"), value, &meta), 0);
	value_unref(value);
	f->backend->close(other);
	expect(f, "a_b", "hashed");
	expect(f, "a/b", "slash");
	fixture_free(f);
}

/* The file with these bytes in the place of the first ones like that, as an editor saves it. */
static void edit(const struct fixture *f, const char *name, const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "sed -i 's/%s/%s/' '%s'", from, to, path_in(f, name));
	assert_int_equal(system(command), 0);
}

static void put_all_kinds(struct fixture *f, size_t size)
{
	static char text[1 << 20];

	memset(text, 0, sizeof(text));
	memset(text, 'x', size);
	memcpy(text, "text", 4);
	put(f, "text", text);
	snprintf(text, sizeof(text), "{\"n\": \"%0*d\"}", (int)size, 1);
	put(f, "json", text);
	memset(text, '\xff', size);
	put(f, "base64", text);
}

static void expect_begins(struct fixture *f, const char *key, const char *with)
{
	struct value *value;
	struct meta meta;

	assert_int_equal(f->backend->get(f->state, key_of(key), &value, &meta), 0);
	assert_int_equal(meta.version, 0);
	assert_true(value_size(value) >= strlen(with));
	assert_memory_equal(value_bytes(value), with, strlen(with));
	value_unref(value);
	meta_fini(&meta);
}

/* sizes: below and above what is read of a file at the start */
static void an_edited_entry_is_foreign(void **state)
{
	(void)state;
	for (size_t size = 8; size < 1000000; size *= 100000) {
		for (int closed = 0; closed < 2; closed++) {
			struct fixture *f = fixture_new(backend_find("file"));
			put_all_kinds(f, size);
			if (closed)
				close_layer(f);
			edit(f, "text.json", "\"payload\": \"text", "\"payload\": \"TEXT");
			edit(f, "json.json", "\"n\": ", "\"n\":  ");
			edit(f, "base64.json", "\"payload\": \".*\"", "\"payload\": \"AAEC\"");
			if (closed)
				open_layer(f);
			expect_begins(f, "text", "TEXT");
			expect_begins(f, "json", "{\"n\":  \"0");
			expect_begins(f, "base64", "\0\1\2");
			assert_string_equal(names_in(f, ""), "base64 json text");
			fixture_free(f);
		}
	}
}

static void an_entry_printed_anew_is_the_same_or_foreign(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));

	(void)state;
	put(f, "text", "words");
	put(f, "json", "[1,  2]");
	put(f, "was-text", "words");
	edit(f, "text.json", "\"payload\": ", "\"payload\":   ");
	edit(f, "json.json", "1,  2", "1,2");
	edit(f, "was-text.json", "\"words\"", "[3], \"note\": 1");
	expect(f, "text", "words");
	expect_foreign(f, "json", "[1,2]");
	expect_foreign(f, "was-text", "[3]");
	assert_string_equal(names_in(f, ""), "json text was-text");
	fixture_free(f);
}

static void what_cannot_be_got_is_not_listed(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));

	(void)state;
	put(f, "k", "value");
	put_all_kinds(f, 8);
	close_layer(f);
	edit(f, "text.json", "^}$", "");
	edit(f, "json.json", "\"encoding\": \"json\"", "\"encoding\": \"yaml\"");
	edit(f, "base64.json", "\"payload\": \".*\"", "\"payload\": \"???\"");
	open_layer(f);
	assert_string_equal(names_in(f, ""), "k");
	expect_miss(f, "text");
	expect_miss(f, "json");
	expect_miss(f, "base64");
	put(f, "text", "again");
	expect(f, "text", "again");
	assert_string_equal(names_in(f, ""), "k text");
	fixture_free(f);
}

/* The disk did it: the file's time is as it was. */
static void damage_that_no_program_did_is_a_miss(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	struct stat was;
	size_t size;

	(void)state;
	put_all_kinds(f, 800000);
	close_layer(f);
	assert_int_equal(stat(path_in(f, "text.json"), &was), 0);
	uint8_t *bytes = damage_read_file(path_in(f, "text.json"), &size);
	bytes[size - 10] ^= 1;
	damage_write_file(path_in(f, "text.json"), bytes, size);
	free(bytes);
	const struct timespec times[2] = { was.st_atim, was.st_mtim };
	assert_int_equal(utimensat(AT_FDCWD, path_in(f, "text.json"), times, 0), 0);
	open_layer(f);
	expect_miss(f, "text");
	assert_string_equal(names_in(f, ""), "base64 json");
	fixture_free(f);
}

/* The queue of inotify has a limit: what came behind it nobody knows. */
static void what_nobody_told_of_is_found_by_looking_at_all(void **state)
{
	struct fixture *f = fixture_new(backend_find("file"));
	struct file_layer *layer = f->state;
	uint64_t one = 1;

	(void)state;
	put(f, "a", "1");
	put(f, "b", "2");
	put(f, "c", "3");
	hear_nothing(f);
	assert_int_equal(unlink(path_in(f, "a.json")), 0);
	assert_int_equal(unlink(path_in(f, "c.json")), 0);
	write_foreign(f, "new.json", "4");
	assert_string_equal(names_in(f, ""), "a b c");
	atomic_store(&layer->unread, true); /* the same is done of an overflow */
	assert_int_equal(write(layer->wake_fd, &one, sizeof(one)), sizeof(one));
	for (int i = 0; i < 6000 && strcmp(names_in(f, ""), "b new") != 0; i++)
		usleep(10000);
	assert_string_equal(names_in(f, ""), "b new");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_that_is_cut_off_finishes_no_rename_half),
		cmocka_unit_test(want_of_descriptors_is_no_miss),
		cmocka_unit_test(what_is_no_entry_is_in_nobodys_way),
		cmocka_unit_test(the_other_file_of_a_key_is_found_without_being_told),
		cmocka_unit_test(a_new_file_of_a_key_replaces_the_other_one_for_good),
		cmocka_unit_test(an_older_file_of_a_key_goes_with_it),
		cmocka_unit_test(a_file_of_another_daemon_is_found_without_being_told),
		cmocka_unit_test(an_edited_entry_is_foreign),
		cmocka_unit_test(an_entry_printed_anew_is_the_same_or_foreign),
		cmocka_unit_test(what_cannot_be_got_is_not_listed),
		cmocka_unit_test(damage_that_no_program_did_is_a_miss),
		cmocka_unit_test(what_nobody_told_of_is_found_by_looking_at_all),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
