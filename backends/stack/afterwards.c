/* Keeps each thread's work for after the answer. See afterwards.h. */
#include "stack/afterwards.h"

#include <stddef.h>

static _Thread_local bool collects;
static _Thread_local struct afterwards *first, **last = NULL;

void afterwards_add(struct afterwards *work)
{
	if (!collects) {
		work->run(work);
		return;
	}
	work->next = NULL;
	*(first ? last : &first) = work;
	last = &work->next;
}

void afterwards_collect(bool on)
{
	collects = on;
}

void afterwards_run(void)
{
	while (first) {
		struct afterwards *work = first;
		first = work->next;
		work->run(work);
	}
}
