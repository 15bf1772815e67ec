#ifndef CACHEFS_END_TEXT_H
#define CACHEFS_END_TEXT_H

/*
 * Ends as text, for user.cachefs.ttl (seconds from now on) and user.cachefs.expires_at (Unix time):
 * seconds, fractions allowed; or "never".
 */

#include <stddef.h>

#include "base/end.h"

/* Read a wish (end.h). The text is not terminated; a line feed at its end is ignored. 0 or
 * -EINVAL. */
int end_text_read_ttl(const char *text, size_t size, struct end *wish);
int end_text_read_moment(const char *text, size_t size, struct end *wish);

/* Writes milliseconds as seconds with three digits. */
void end_text_write(char *text, size_t size, int64_t ms);

#endif
