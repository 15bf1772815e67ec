#ifndef CACHEFS_TEST_SWITCHES_H
#define CACHEFS_TEST_SWITCHES_H

/*
 * Environment variables by which tests change the daemon. They work only in a build with the meson
 * option test_switches; no other build contains the code for them.
 *
 *   CACHEFS_BREAK=publish-at-open | ack-before-commit   breaks a promise, so that the tests of that
 *                                                       promise can be tested
 *   CACHEFS_REQUEST_TIMEOUT=SECONDS                     asks the kernel for this timeout, where it
 *                                                       knows of timeouts; it rounds up to 15
 */

#include <stdbool.h>

enum test_break { BREAK_PUBLISH_AT_OPEN, BREAK_ACK_BEFORE_COMMIT };

#if TEST_SWITCHES
bool test_switch_breaks(enum test_break promise);
unsigned test_switch_request_timeout(void); /* 0: none */
#else
static inline bool test_switch_breaks(enum test_break promise)
{
	(void)promise;
	return false;
}
static inline unsigned test_switch_request_timeout(void)
{
	return 0;
}
#endif

#endif
