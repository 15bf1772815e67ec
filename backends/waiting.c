/* The thread's hook for "I am about to wait". See waiting.h. */
#include "waiting.h"

#include <assert.h>
#include <stddef.h>

#include "lock.h"

static _Thread_local struct {
	void (*call)(void *self);
	void *self;
} hook;

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
