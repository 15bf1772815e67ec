/* See test_switches.h. */
#include "verbs/test_switches.h"

#include <stdlib.h>
#include <string.h>

bool test_switch_breaks(enum test_break promise)
{
	static const char *const names[] = { [BREAK_PUBLISH_AT_OPEN] = "publish-at-open",
					     [BREAK_ACK_BEFORE_COMMIT] = "ack-before-commit" };
	const char *text = getenv("CACHEFS_BREAK");

	return text && strcmp(text, names[promise]) == 0;
}

unsigned test_switch_request_timeout(void)
{
	const char *text = getenv("CACHEFS_REQUEST_TIMEOUT");

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}
