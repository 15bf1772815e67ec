/* See hardening.h. */
#include "daemon/hardening.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* What a daemon of root uses. */
static const uint64_t kept =
	BIT(CAP_SYS_ADMIN) |    /* mounts, and takes its mount away */
	BIT(CAP_SYS_PTRACE) |   /* looks which files other users' writers have open (holders.h) */
	BIT(CAP_DAC_OVERRIDE) | /* opens databases and sockets of other users */
	BIT(CAP_DAC_READ_SEARCH) | /* and finds them, and /proc/PID/fd */
	BIT(CAP_CHOWN) |           /* gives -wal, -shm and large values the owner of the database */
	BIT(CAP_FOWNER);           /* and their modes and times */

void hardening_begin(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

/* Of what is there already, and of this thread, the only one. */
static int keep_only(uint64_t wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(wanted >> (32 * i));
		data[i].permitted &= word;
		data[i].effective &= word;
		data[i].inheritable &= word;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

void hardening_give_up(void)
{
	if (geteuid() != 0)
		return; /* fusermount3 has to become root, to mount and to unmount */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int i = 0; i < 64; i++) /* what a program that it runs would get back */
		if (!(kept & BIT(i)) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	int rc = keep_only(kept);
	if (rc < 0)
		log_warning("cannot give capabilities up: %s", strerror(-rc));
}
