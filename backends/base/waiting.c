/* The hook that a thread runs before it waits, and the deadline of its request. See waiting.h. */
#include "base/waiting.h"

#include <assert.h>
#include <stddef.h>

#include "base/lock.h"

static _Thread_local struct {
	void (*call)(void *self);
	void *self;
} hook;

static _Thread_local struct deadline request_end; /* without a clock: whenever */

void waiting_begin(void)
{
	assert(lock_none_held());
	if (hook.call)
		hook.call(hook.self);
}

void waiting_set_hook(void (*call)(void *self), void *self)
{
	hook.call = call;
	hook.self = self;
}

int64_t waiting_at_most(int64_t ms)
{
	if (!request_end.time)
		return ms;
	int64_t left = deadline_left_ms(&request_end);
	return left < ms ? left : ms;
}

void waiting_set_end(const struct deadline *end)
{
	request_end = end ? *end : (struct deadline){ 0 };
}
