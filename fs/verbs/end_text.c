/* See end_text.h. */
#include "verbs/end_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond it a double has no milliseconds, and no calendar a date. */
static const double seconds_max = 1e11;

static int read_end(const char *bytes, size_t size, enum end_kind kind, struct end *wish)
{
	char text[32], *end;

	if (size == 0 || size >= sizeof(text))
		return -EINVAL;
	memcpy(text, bytes, size);
	text[size] = '\0';
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
		text[--size] = '\0';
	if (strcmp(text, "never") == 0) {
		*wish = end_make(END_NEVER, 0);
		return 0;
	}
	double seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || fabs(seconds) > seconds_max)
		return -EINVAL;
	*wish = end_make(kind, llround(seconds * 1000));
	return 0;
}

int end_text_read_ttl(const char *text, size_t size, struct end *wish)
{
	int rc = read_end(text, size, END_STEADY, wish);

	return rc == 0 && end_ms(*wish) < 0 ? -EINVAL : rc;
}

int end_text_read_moment(const char *text, size_t size, struct end *wish)
{
	return read_end(text, size, END_MOMENT, wish);
}

void end_text_write(char *text, size_t size, int64_t ms)
{
	int64_t amount = ms < 0 ? -ms : ms;

	snprintf(text, size, "%s%lld.%03lld", ms < 0 ? "-" : "", (long long)(amount / 1000),
		 (long long)(amount % 1000));
}
