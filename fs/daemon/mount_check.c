/* See mount_check.h. */
#include "daemon/mount_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/mount_options.h"
#include "daemon/recover.h"

#define FUSE_CONF "/etc/fuse.conf"

/* ---- the mount point ---- */

/* The mount that a path does not get through, for it is dead: the deepest ancestor that can be
 * opened lies on it. */
static int lies_in_dead_mount(const char *given, struct problem *problem)
{
	char part[PATH_MAX], hint[256] = "remove that mount first";
	struct mountpoint above = { .probe.fd = -1 };

	snprintf(part, sizeof(part), "%s", given);
	for (char *slash; above.probe.fd < 0 && (slash = strrchr(part, '/')); *slash = '\0')
		if (slash[1]) {
			*slash = '\0';
			mountpoint_look(*part ? part : "/", &above);
		}
	if (above.probe.fd >= 0)
		snprintf(hint, sizeof(hint), "start that one again, or remove it: %s %.200s",
			 geteuid() == 0 ? "umount -f" : "fusermount3 -u", above.entry.point);
	mountpoint_done(&above);
	return problem_set(problem, given, hint,
			   "cannot mount here: it lies in a mount whose daemon is dead");
}

static int cannot_open(const char *given, int error, struct problem *problem)
{
	char hint[256];

	switch (error) {
	case ENOENT:
		snprintf(hint, sizeof(hint), "create it: mkdir -p %.200s", given);
		return problem_set(problem, given, hint,
				   "cannot mount here: there is no such directory");
	case ENOTDIR:
		return problem_set(problem, given, "name a directory",
				   "cannot mount here: not a directory");
	case ENOTCONN:
	case ECONNABORTED:
		return lies_in_dead_mount(given, problem);
	case ETIMEDOUT:
		return problem_set(problem, given, "see which mount on the way to it hangs",
				   "cannot mount here: looking at it takes too long");
	case EACCES:
		return problem_set(problem, given, "choose a directory that you can get into",
				   "cannot mount here: uid %u may not get into a directory on the "
				   "way to it",
				   geteuid());
	default:
		return problem_set(problem, given, NULL, "cannot mount here: %s", strerror(error));
	}
}

static int is_taken(const char *given, const struct mountpoint *m, struct problem *problem)
{
	const char *unmount = geteuid() == 0 ? "umount" : "fusermount3 -u";
	char hint[256];

	if (m->state == MOUNTPOINT_ALIVE) {
		snprintf(hint, sizeof(hint), "use it, or unmount it first: %s %.200s", unmount,
			 given);
		return problem_set(problem, given, hint, "a cachefs is already mounted here");
	}
	snprintf(hint, sizeof(hint), "if its daemon is to be given up: umount -f %.200s (as root)",
		 given);
	return problem_set(problem, given, hint,
			   "a cachefs is already mounted here, and does not answer");
}

/* A dead mount that is not ours. */
static int other_is_dead(const char *given, const struct mountpoint *m, struct problem *problem)
{
	char hint[256];

	if (!m->is_root)
		return lies_in_dead_mount(given, problem);
	snprintf(hint, sizeof(hint), "remove it: umount -l %.200s", given);
	return problem_set(problem, given, hint,
			   "cannot mount here: a dead mount of type %s is here", m->entry.type);
}

/* One look: 1 when a dead mount was removed and what is below it should be looked at. */
static int check_once(const char *given, bool only_look, struct mountpoint *m,
		      struct problem *problem)
{
	char hint[256];

	if (m->probe.opened < 0)
		return cannot_open(given, -m->probe.opened, problem);
	if (m->state == MOUNTPOINT_DEAD && only_look)
		return 0;
	if (m->state == MOUNTPOINT_DEAD) {
		int rc = mountpoint_clear(m);

		if (rc == 0)
			return 1;
		snprintf(hint, sizeof(hint), "have root remove it: umount -f %.200s", given);
		return problem_set(problem, given, hint,
				   "a dead cachefs is here, and uid %u cannot remove it: %s",
				   geteuid(), strerror(-rc));
	}
	if (m->state != MOUNTPOINT_FREE)
		return is_taken(given, m, problem);
	if (m->probe.looked == -ENOTCONN)
		return other_is_dead(given, m, problem);
	if (m->probe.looked < 0)
		return cannot_open(given, -m->probe.looked, problem);
	return S_ISDIR(m->probe.st.stx_mode) ? 0 : cannot_open(given, ENOTDIR, problem);
}

int mount_check_point(const char *given, bool only_look, char point[PATH_MAX],
		      struct problem *problem)
{
	enum { STACKED_MAX = 100 };
	int rc = 1;

	for (int i = 0; i < STACKED_MAX && rc == 1; i++) {
		struct mountpoint m;

		mountpoint_look(given, &m);
		rc = check_once(given, only_look, &m, problem);
		mountpoint_done(&m);
	}
	if (rc == 0 && !realpath(given, point))
		rc = cannot_open(given, errno, problem);
	return rc > 0 ? problem_set(problem, given, "see: findmnt", "too many dead mounts here")
		      : rc;
}

/* ---- rights ---- */

static int check_device(struct problem *problem)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return problem_set(problem, "/dev/fuse",
				   "load the module: modprobe fuse; in a container: --device "
				   "/dev/fuse --cap-add SYS_ADMIN",
				   "there is no such device here, and nothing can be mounted "
				   "without it");
	case EACCES:
		return problem_set(problem, "/dev/fuse", "have root allow it: chmod 666 /dev/fuse",
				   "uid %u may not open it, and nothing can be mounted without it",
				   geteuid());
	case EPERM:
		return problem_set(problem, "/dev/fuse",
				   "start the container with --device /dev/fuse",
				   "this container may not open it, and nothing can be mounted "
				   "without it");
	default:
		return problem_set(problem, "/dev/fuse", NULL, "cannot open it: %s",
				   strerror(errno));
	}
}

/* As fusermount3 looks at it. */
static int check_owner(const char *point, struct problem *problem)
{
	struct stat st;
	char hint[256];

	if (stat(point, &st) < 0)
		return cannot_open(point, errno, problem);
	bool sticky = (st.st_mode & S_ISVTX) && st.st_uid != getuid();
	if (!sticky && access(point, W_OK) == 0)
		return 0;
	snprintf(hint, sizeof(hint),
		 "use a directory of your own, or have root give it to you: chown %u %.180s",
		 getuid(), point);
	return problem_set(problem, point, hint,
			   "cannot mount here: the directory belongs to uid %u, and uid %u may "
			   "not write to it",
			   st.st_uid, getuid());
}

/* Where libfuse looks for it: its own directory first, then PATH. */
static bool fusermount_is_there(void)
{
	const char *path = getenv("PATH");
	char name[PATH_MAX];

	if (access("/usr/bin/fusermount3", X_OK) == 0)
		return true;
	while (path && *path) {
		size_t size = strcspn(path, ":");

		snprintf(name, sizeof(name), "%.*s/fusermount3", (int)size, path);
		if (access(name, X_OK) == 0)
			return true;
		path += size + (path[size] == ':');
	}
	return false;
}

/* Whether fuse.conf has this word on a line by itself. */
static bool fuse_conf_has(const char *word)
{
	char line[256];
	bool found = false;

	FILE *file = fopen(FUSE_CONF, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\r\n#")] = '\0';
		found = strcmp(line, word) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

int mount_check_rights(const char *point, const char *options, struct problem *problem)
{
	const char *others = mount_options_have(options, "allow_other")  ? "allow_other"
			     : mount_options_have(options, "allow_root") ? "allow_root"
									 : NULL;
	char place[32];
	int rc = check_device(problem);

	if (rc < 0 || geteuid() == 0)
		return rc;
	rc = check_owner(point, problem);
	if (rc < 0)
		return rc;
	if (!fusermount_is_there())
		return problem_set(problem, "fusermount3", "install it: apt-get install fuse3",
				   "not found, and only root can mount without it");
	if (!others || fuse_conf_has("user_allow_other"))
		return 0;
	snprintf(place, sizeof(place), "-o %s", others);
	return problem_set(problem, place,
			   "have root put user_allow_other on a line of its own there",
			   "%s does not allow it to ordinary users", FUSE_CONF);
}

/* ---- after a failure ---- */

/* A line of /proc/self/status: "CapBnd:\t000001ffffffffff"; 0 if there is none. */
static unsigned long long status_number(const char *name, int base)
{
	char line[256];
	unsigned long long number = 0;
	size_t size = strlen(name);

	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, name, size) == 0 && line[size] == ':')
			number = strtoull(line + size + 1, NULL, base);
	if (status)
		fclose(status);
	return number;
}

static bool may_become_admin(void)
{
	const char *set = geteuid() == 0 ? "CapEff" : "CapBnd";

	return status_number(set, 16) >> CAP_SYS_ADMIN & 1;
}

/* The name of the AppArmor profile that is in the way, if one may be: our own, or that of
 * fusermount3, which Debian and Ubuntu confine to some directories. */
static bool apparmor_profile(char *name, size_t size)
{
	bool enforced = false;

	FILE *file = fopen("/proc/self/attr/apparmor/current", "re");
	if (!file)
		file = fopen("/proc/self/attr/current", "re");
	if (file && fgets(name, (int)size, file)) {
		name[strcspn(name, "\n")] = '\0';
		enforced = strstr(name, "(enforce)") != NULL;
	}
	if (file)
		fclose(file);
	if (!enforced && access("/sys/kernel/security/apparmor", F_OK) == 0 &&
	    access("/etc/apparmor.d/fusermount3", F_OK) == 0) {
		snprintf(name, size, "/etc/apparmor.d/fusermount3");
		enforced = true;
	}
	return enforced;
}

static int was_refused(const char *point, const char *message, struct problem *problem)
{
	char profile[128], hint[256];

	if (!may_become_admin())
		return problem_set(
			problem, point,
			"in a container: --device /dev/fuse --cap-add SYS_ADMIN (Docker: "
			"and --security-opt apparmor=unconfined)",
			"cannot mount here: the kernel refuses it to a process without "
			"CAP_SYS_ADMIN");
	if (geteuid() != 0 && status_number("NoNewPrivs", 10) != 0)
		return problem_set(
			problem, point, "start it outside of the sandbox, or as root",
			"cannot mount here: no_new_privs keeps fusermount3 from becoming "
			"root");
	if (apparmor_profile(profile, sizeof(profile))) {
		snprintf(hint, sizeof(hint),
			 "allow the mount in that profile, or choose a directory it allows "
			 "(below $HOME, /mnt, /media or /tmp); dmesg names the denial");
		return problem_set(problem, point, hint,
				   "cannot mount here: an AppArmor profile is in the way (%s)",
				   profile);
	}
	return problem_set(problem, point, "dmesg may tell which security module refuses it",
			   "cannot mount here: %s", message);
}

int mount_check_failure(const char *point, const char *message, struct problem *problem)
{
	if (strstr(message, "too many"))
		return problem_set(
			problem, point, "unmount one, or have root raise mount_max in " FUSE_CONF,
			"cannot mount here: uid %u has as many fuse mounts as " FUSE_CONF " allows",
			getuid());
	if (strstr(message, "not permitted") || strstr(message, "ermission denied"))
		return was_refused(point, message, problem);
	return problem_set(problem, point, NULL, "cannot mount here%s%s", message[0] ? ": " : "",
			   message);
}
