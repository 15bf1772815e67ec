/* Repeated errors are counted, and the first one is told at once. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char path[] = "/tmp/cachefs-log.XXXXXX";

static int lines(const char *part)
{
	char line[4096];
	int count = 0;

	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += strstr(line, part) != NULL;
	fclose(file);
	return count;
}

static void a_repeated_error_is_written_once(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		log_error("the shared layer is down");
	assert_int_equal(lines("the shared layer is down"), 1);
}

/* The table of what is repeated is small: who is pushed out is told with its count. */
static void no_repetition_is_lost(void **state)
{
	(void)state;
	log_error("comes thrice");
	log_error("comes thrice");
	log_error("comes thrice");
	for (int i = 0; i < 40; i++)
		log_error("another error, number %d", i);
	assert_int_equal(lines("comes thrice"), 2);
	assert_int_equal(lines("comes thrice (repeated 2 times)"), 1);
	assert_int_equal(lines("another error"), 40);
}

static void what_is_no_mistake_is_never_held_back(void **state)
{
	(void)state;
	log_info("news");
	log_info("news");
	assert_int_equal(lines("news"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeated_error_is_written_once),
		cmocka_unit_test(no_repetition_is_lost),
		cmocka_unit_test(what_is_no_mistake_is_never_held_back),
	};
	int fd = mkstemp(path);

	if (fd < 0 || log_open_file(path) < 0)
		return 1;
	close(fd);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
