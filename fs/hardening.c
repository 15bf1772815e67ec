/* See hardening.h. */
#include "hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void hardening_begin(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}
