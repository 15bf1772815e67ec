/* Arithmetic of ends, and ends as records in a store. See end.h. */
#include "base/end.h"

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

static struct end shifted(struct end end, int64_t by_ms)
{
	return end_kind(end) == END_STEADY ? end_make(END_STEADY, end_ms(end) + by_ms) : end;
}

struct end_record end_record_of(struct end copy, struct end own, int64_t skew_ms)
{
	struct end stored = shifted(copy, skew_ms);

	return (struct end_record){
		.expires_ms = end_comes(stored) ? end_ms(stored) : 0,
		.copy = stored.number,
		.own = shifted(own, skew_ms).number,
		.ahead_ms = skew_ms + time_steady_anchor_ms(),
		.boot = time_boot_id(),
	};
}

/* Of another boot, or another machine: by the wall clock. */
static struct end by_wall(struct end end)
{
	return end_kind(end) == END_STEADY ? end_make(END_MOMENT, end_ms(end)) : end;
}

void end_record_read(const struct end_record *r, struct end *copy, struct end *own)
{
	struct end given = { r->copy };
	bool same_boot = r->boot != 0 && r->boot == time_boot_id();
	int64_t back_ms = time_steady_anchor_ms() - r->ahead_ms;

	*own = (struct end){ r->own };
	*own = same_boot ? shifted(*own, back_ms) : by_wall(*own);
	if (r->expires_ms == (end_comes(given) ? end_ms(given) : 0))
		*copy = same_boot ? shifted(given, back_ms) : by_wall(given);
	else if (r->expires_ms != 0)
		*copy = *own = end_make(END_MOMENT, r->expires_ms);
	else
		*copy = *own = end_make(END_NEVER, 0);
}

bool end_record_is_valid(const struct end_record *r)
{
	const int64_t max_ms = INT64_MAX / 8;

	return end_number_is_valid(r->copy) && end_number_is_valid(r->own) &&
	       r->ahead_ms <= max_ms && r->ahead_ms >= -max_ms;
}
