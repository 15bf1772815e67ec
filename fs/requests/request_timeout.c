/* See request_timeout.h. */
#include "requests/request_timeout.h"

#include <stdio.h>
#include <stdlib.h>

#include "verbs/test_switches.h"

enum {
	LONGEST_S = 65535, /* what the reply to INIT has room for */
	MARGIN_MAX_MS = 60 * 1000,
};

static unsigned number_of(const char *path)
{
	unsigned number = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%u", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

struct request_timeout request_timeout_of(unsigned default_s, unsigned max_s)
{
	struct request_timeout t = { .default_s = default_s, .max_s = max_s };

	if (max_s > 0)
		t.asked_s = max_s < LONGEST_S ? max_s : LONGEST_S;
	else if (default_s > 0)
		t.asked_s = LONGEST_S;
	return t;
}

struct request_timeout request_timeout_read(void)
{
	unsigned seconds = test_switch_request_timeout();

	if (seconds > 0)
		return request_timeout_of(seconds, seconds);
	return request_timeout_of(number_of("/proc/sys/fs/fuse/default_request_timeout"),
				  number_of("/proc/sys/fs/fuse/max_request_timeout"));
}

int64_t request_timeout_answer_ms(const struct request_timeout *timeout)
{
	int64_t ms = (int64_t)timeout->asked_s * 1000, margin = ms / 4;

	return ms - (margin < MARGIN_MAX_MS ? margin : MARGIN_MAX_MS);
}
