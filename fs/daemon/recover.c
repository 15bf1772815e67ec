/* See recover.h. */
#include "daemon/recover.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum { ANSWER_DEADLINE_MS = 5000 };

/* ---- which process serves a mount ---- */

/* Whether one of the descriptors below dir (/proc/PID/task/TID/fdinfo) is this connection's.
 * Kernels before 6.15 do not say so. */
static bool has_connection(const char *dir, unsigned connection)
{
	bool found = false;
	struct dirent *entry;
	DIR *infos = opendir(dir);

	while (infos && !found && (entry = readdir(infos))) {
		char path[700], line[256];
		unsigned number;

		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		FILE *info = fopen(path, "re");
		while (info && !found && fgets(line, sizeof(line), info))
			found = sscanf(line, "fuse_connection: %u", &number) == 1 &&
				number == connection;
		if (info)
			fclose(info);
	}
	if (infos)
		closedir(infos);
	return found;
}

static bool any_thread_has_connection(const char *pid, unsigned connection)
{
	char tasks[64], infos[400];
	bool found = false;
	struct dirent *entry;

	snprintf(tasks, sizeof(tasks), "/proc/%.20s/task", pid);
	DIR *dir = opendir(tasks);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(infos, sizeof(infos), "%s/%s/fdinfo", tasks, entry->d_name);
		found = isdigit((unsigned char)entry->d_name[0]) &&
			has_connection(infos, connection);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool process_is_dying(pid_t pid)
{
	char path[64], line[256], state = 0;
	unsigned long long pending = 0;
	int dumping = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "State: %c", &state) != 1 &&
		    sscanf(line, "SigPnd: %llx", &pending) != 1)
			sscanf(line, "CoreDumping: %d", &dumping);
	if (status)
		fclose(status);
	return state == 'Z' || state == 'X' || dumping || (pending & 1ull << (SIGKILL - 1));
}

/* All who hold the connection are dying, and there is somebody. */
static bool daemon_is_dying(unsigned connection)
{
	bool dying = false, living = false;
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && !living && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !any_thread_has_connection(entry->d_name, connection))
			continue;
		if (process_is_dying((pid_t)atoi(entry->d_name)))
			dying = true;
		else
			living = true;
	}
	if (proc)
		closedir(proc);
	return dying && !living;
}

/* ---- looking ---- */

static enum mountpoint_state state_of(const struct mountpoint *m)
{
	if (m->probe.fd < 0 || !m->is_root || !mount_entry_is_cachefs(&m->entry))
		return MOUNTPOINT_FREE;
	if (m->probe.looked == -ENOTCONN || m->probe.looked == -ECONNABORTED)
		return MOUNTPOINT_DEAD;
	if (m->probe.looked != -ETIMEDOUT)
		return MOUNTPOINT_ALIVE;
	return daemon_is_dying(m->entry.connection) ? MOUNTPOINT_DEAD : MOUNTPOINT_SILENT;
}

void mountpoint_look(const char *path, struct mountpoint *m)
{
	const struct deadline deadline = deadline_in(&time_system, ANSWER_DEADLINE_MS);

	memset(m, 0, sizeof(*m));
	probe_path(path, &deadline, &m->probe);
	if (m->probe.fd >= 0 && mount_entry_of(m->probe.fd, &m->entry) == 0)
		m->is_root = mount_entry_is_root(&m->entry, m->probe.fd);
	m->state = state_of(m);
}

void mountpoint_done(struct mountpoint *m)
{
	if (m->probe.fd >= 0)
		close(m->probe.fd);
	m->probe.fd = -1;
}

/* ---- clearing ---- */

void run_fusermount(const char *mountpoint)
{
	extern char **environ;
	char program[] = "fusermount3";
	char unmount[] = "-u", quiet[] = "-q", lazy[] = "-z", end[] = "--";
	char *path = strdup(mountpoint);
	char *const argv[] = { program, unmount, quiet, lazy, end, path, NULL };
	pid_t pid;
	int status;
	if (path != NULL && posix_spawnp(&pid, program, NULL, NULL, argv, environ) == 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	free(path);
}

void connection_abort(unsigned connection)
{
	char path[64];
	if (connection == 0)
		return;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", connection);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t written = write(fd, "1", 1);
	(void)written; /* gone already */
	close(fd);
}

/* Whether the mount is still the topmost one at its place. */
static bool is_there(const struct mountpoint *m)
{
	unsigned now = mount_connection_at(m->entry.point);

	return now != 0 && now == m->entry.connection;
}

int mountpoint_clear(const struct mountpoint *m)
{
	char link[64];

	/* Through the descriptor: the very mount that was looked at, whatever is there by now. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->probe.fd);
	if (umount2(link, MNT_FORCE | MNT_DETACH) < 0) {
		if (errno != EPERM || !is_there(m))
			return is_there(m) ? -errno : 0;
		connection_abort(m->entry.connection);
		run_fusermount(m->entry.point);
		if (is_there(m))
			return -EPERM;
	}
	log_info("the dead mount at %s was removed", m->entry.point);
	return 0;
}
