/* See end.h. */
#include "end.h"

static int64_t clock_of(struct end end, struct instant now)
{
	return end_kind(end) == END_STEADY ? now.steady_ms : now.wall_ms;
}

int64_t end_left_ms(struct end end, struct instant now)
{
	return end_comes(end) ? end_ms(end) - clock_of(end, now) : INT64_MAX;
}

bool end_is_over(struct end end, struct instant now)
{
	return end_left_ms(end, now) <= 0;
}

struct end end_earlier(struct end a, struct end b, struct instant now)
{
	return end_left_ms(b, now) < end_left_ms(a, now) ? b : a;
}

struct end end_later(struct end a, struct end b, struct instant now)
{
	return end_left_ms(b, now) > end_left_ms(a, now) ? b : a;
}

int64_t end_wall_ms(struct end end, struct instant now)
{
	return now.wall_ms + end_left_ms(end, now);
}

bool end_number_is_valid(int64_t number)
{
	struct end end = { number };

	return end_comes(end) || end_ms(end) == 0;
}

void end_from_store(int64_t stored_ms, struct end given, struct end *copy, struct end *own)
{
	int64_t given_ms = end_comes(given) ? end_ms(given) : 0;

	if (stored_ms == given_ms) {
		*copy = given;
		return;
	}
	*copy = *own = stored_ms != 0 ? end_make(END_MOMENT, stored_ms) : end_make(END_NEVER, 0);
}
