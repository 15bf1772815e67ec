#ifndef FAULT_H
#define FAULT_H

/*
 * A backend in front of a real one, whose calls fail as a plan says. Every call of an operation
 * that can fail counts; several layers may share a plan.
 */

#include <stdatomic.h>

#include "stack/layered.h"

struct fault_plan {
	atomic_int calls;     /* so far */
	atomic_int fail_at;   /* this call fails (the first is 1); 0: none */
	atomic_int more;      /* and so many that follow it */
	atomic_int error;     /* with this errno, negative */
	atomic_bool applied;  /* having changed the layer all the same: the answer was lost */
	atomic_bool crash;    /* it ends the process instead, with status 0 (see stack_crash()) */
	atomic_bool hit;      /* the call came */
	atomic_bool hold;     /* changes that do not fail wait until it is over */
	atomic_bool held;     /* one waits, or has waited */
	atomic_bool down;     /* every call fails with -EHOSTDOWN, and changes nothing */
	atomic_bool full;     /* every set fails with -ENOSPC */
	atomic_bool unsynced; /* every sync fails with -EIO */
};

struct fault_conf {
	const struct backend *below;
	void *below_conf;
	struct fault_plan *plan;
};

extern const struct backend backend_fault_durable, backend_fault_volatile;

#endif
