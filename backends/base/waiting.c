/* The thread's hook for "I am about to wait", and until when it may. See waiting.h. */
#include "base/waiting.h"

#include <assert.h>
#include <stddef.h>

#include "base/lock.h"
#include "base/time_source.h"

static _Thread_local struct {
	void (*call)(void *self);
	void *self;
} hook;

static _Thread_local int64_t request_end_ms;

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
	if (request_end_ms == 0)
		return ms;
	int64_t left = request_end_ms - time_mono_ms(&time_system);
	return left < 0 ? 0 : left < ms ? left : ms;
}

void waiting_set_end(int64_t end_ms)
{
	request_end_ms = end_ms;
}
