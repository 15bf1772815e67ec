/* See shortage.h. */
#include "verbs/shortage.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "base/time_source.h"

enum { QUIET_MS = 2000 };

static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

/* Said, and by now it seems to be over. */
static bool is_over(struct shortage *s, const struct time_source *time)
{
	return atomic_load_explicit(&s->told, memory_order_relaxed) &&
	       time_mono_ms(time) - atomic_load(&s->failed_ms) >= QUIET_MS &&
	       atomic_exchange(&s->told, false);
}

int shortage_note(struct shortage *s, const struct time_source *time, const char *what, int rc)
{
	if (is_shortage(rc)) {
		atomic_store(&s->failed_ms, time_mono_ms(time));
		if (!atomic_exchange(&s->told, true))
			log_warning("the daemon cannot %s: %s; said once until it can again", what,
				    strerror(-rc));
	} else if (rc == 0 && is_over(s, time)) {
		log_info("the daemon can %s again", what);
	}
	return rc;
}
