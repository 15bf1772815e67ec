/* See shortage.h. */
#include "shortage.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../backends/log.h"

static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

int shortage_note(struct shortage *s, const char *what, int rc)
{
	if (is_shortage(rc) && !atomic_exchange(&s->told, true))
		log_warning("the daemon cannot %s: %s; said once until it can again", what,
			    strerror(-rc));
	else if (rc == 0 && atomic_load_explicit(&s->told, memory_order_relaxed) &&
		 atomic_exchange(&s->told, false))
		log_info("the daemon can %s again", what);
	return rc;
}
