/*
 * The state database of a stack with write_back, or a value's file beside it, with a flipped bit or
 * cut off: the cache opens, each undrained entry is right or a miss, and what is drained is right
 * in the slower layer. LONG=1: at 2,000 places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <glob.h>

#include "damage.h"
#include "base/log.h"
#include "stack_fixture.h"

enum { PLACES = 60, DISK = 1, UNDRAINED = 12, LARGE_SIZE = 200000 };

static struct stack_fixture s;
static char large[LARGE_SIZE + 1];

static void run(const char *format, ...)
{
	char command[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	assert_int_equal(system(command), 0);
}

/* Entries of which the slower layer has nothing, and some of which it has what they were. */
static const char *key_at(int i, char key[16])
{
	snprintf(key, 16, i % 3 == 0 ? "d/old%d" : "new%d", i);
	return key;
}

static const char *text_at(int i, bool old, char text[64])
{
	if (i == UNDRAINED - 1)
		return large;
	snprintf(text, 64, "%s value of %d", old ? "old" : "new", i);
	return text;
}

/* The stack as a crash would leave it, in DIR/good. */
static void make_good(void)
{
	char key[16], text[64];

	for (int i = 0; i < UNDRAINED; i += 3)
		assert_int_equal(stack_set(&s, key_at(i, key), text_at(i, true, text)), 0);
	assert_int_equal(stack_set(&s, "drained", "value"), 0);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	atomic_store(&s.plans[DISK].down, true);
	for (int i = 0; i < UNDRAINED; i++)
		assert_int_equal(stack_set(&s, key_at(i, key), text_at(i, false, text)), 0);
	stack_close(&s);
	atomic_store(&s.plans[DISK].down, false);
	run("cd %s && mkdir good && cp -a state *.sqlite good", s.dir);
}

/* The files that may be damaged; globfree() them. */
static glob_t state_files(void)
{
	glob_t files = { 0 };
	char pattern[200];

	snprintf(pattern, sizeof(pattern), "%s/state.sqlite*", s.state_dir);
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	snprintf(pattern, sizeof(pattern), "%s/state.sqlite.values/*", s.state_dir);
	assert_int_equal(glob(pattern, GLOB_APPEND, NULL, &files), 0);
	return files;
}

static bool was_set_aside(void)
{
	glob_t files = { 0 };
	char pattern[200];

	snprintf(pattern, sizeof(pattern), "%s/state.sqlite.damaged-*", s.state_dir);
	bool found = glob(pattern, 0, NULL, &files) == 0;
	globfree(&files);
	return found;
}

/* Without its database the cache cannot know of the newer sets. */
static void check_gets(const struct damage *d)
{
	bool aside = was_set_aside();
	char key[16], text[64];

	for (int i = 0; i < UNDRAINED; i++) {
		char *got = stack_get(&s, key_at(i, key));
		if (got && strcmp(got, text_at(i, false, text)) != 0 &&
		    !(aside && i % 3 == 0 && strcmp(got, text_at(i, true, text)) == 0))
			fail_msg("%s: %s is \"%.40s\"", d->text, key, got);
		free(got);
	}
	stack_expect(&s, "drained", "value");
	free(stack_list(&s, ""));
	free(stack_list(&s, "d"));
}

static void restore_good(void)
{
	run("cd %s && rm -rf state [0-9]*.sqlite* && cp -a good/. .", s.dir);
}

static void try(struct damage *d)
{
	glob_t files;
	size_t size;

	restore_good();
	files = state_files();
	const char *path = files.gl_pathv[damage_below(d, files.gl_pathc)];
	/* Mostly the database. */
	path = damage_below(d, 4) ? files.gl_pathv[0] : path;
	if (strstr(path, ".values") && !strstr(path, ".values/"))
		path = files.gl_pathv[0]; /* the directory */
	uint8_t *bytes = damage_read_file(path, &size);
	damage_write_file(path, bytes, damage_do(d, path + strlen(s.dir) + 1, bytes, size));
	free(bytes);
	globfree(&files);

	stack_open(&s);
	check_gets(d);
	if (stack_set(&s, "fresh", "set") == 0)
		stack_expect(&s, "fresh", "set");
	if (layered_flush(s.cache, KEY_ROOT, 20000) != 0)
		fail_msg("%s: what is left is not drained", d->text);
	check_gets(d);
	stack_close(&s);
	stack_open(&s); /* without what memory had */
	check_gets(d);
	stack_close(&s);
}

static int setup(void **state)
{
	(void)state;
	stack_setup(&s, 2, WRITE_BACK);
	s.conf.drain_timeout_ms = 0;
	stack_reopen(&s);
	memset(large, 'x', LARGE_SIZE);
	make_good();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stack_teardown(&s);
	return 0;
}

static void a_damaged_journal_is_never_a_wrong_value(void **state)
{
	struct damage d;

	(void)state;
	damage_start(&d, PLACES);
	while (damage_next(&d))
		try(&d);
}

/* Of each leaf of a tree, where its free space begins: only who changes the page looks at it. */
static void break_free_space(void)
{
	enum { PAGE = 4096, FIRST_PAGE_HEADER = 100, LEAF = 8, FREE = 1 };
	char path[200];
	size_t size;

	snprintf(path, sizeof(path), "%s/state.sqlite", s.state_dir);
	uint8_t *bytes = damage_read_file(path, &size);
	for (size_t page = 0; page < size; page += PAGE) {
		uint8_t *header = bytes + page + (page == 0 ? FIRST_PAGE_HEADER : 0);
		if (header[0] & LEAF)
			header[FREE] = header[FREE + 1] = 0x0f;
	}
	damage_write_file(path, bytes, size);
	free(bytes);
}

static void damage_that_only_changes_meet_costs_nothing(void **state)
{
	char key[16], text[64];

	(void)state;
	restore_good();
	break_free_space();
	stack_open(&s);
	assert_int_equal(stack_set(&s, "fresh", "set"), 0);
	assert_int_equal(layered_flush(s.cache, KEY_ROOT, 20000), 0);
	stack_close(&s);
	stack_open(&s);
	stack_expect(&s, "fresh", "set");
	for (int i = 0; i < UNDRAINED; i++)
		stack_expect(&s, key_at(i, key), text_at(i, false, text));
	assert_false(was_set_aside());
	stack_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_that_only_changes_meet_costs_nothing),
		cmocka_unit_test(a_damaged_journal_is_never_a_wrong_value),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, setup, teardown);
}
