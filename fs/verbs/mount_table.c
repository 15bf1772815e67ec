/* See mount_table.h. */
#include "verbs/mount_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of the mount that a descriptor is on; -1 if unknown. */
static int mount_id(int fd)
{
	char path[64], line[256];
	int id = -1;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *info = fopen(path, "re");
	while (info && id < 0 && fgets(line, sizeof(line), info))
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	if (info)
		fclose(info);
	return id;
}

/* Space, tab, newline and backslash stand there as \ and three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned byte;

		if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "36 35 0:38 / /mnt/x rw,nodev shared:1 - fuse.cachefs source rw" */
static bool parse(const char *line, int id, struct mount_entry *entry)
{
	const char *dash = strstr(line, " - ");

	if (!dash || sscanf(line, "%d %*d %*u:%u %*s %4095s", &entry->id, &entry->connection,
			    entry->point) != 3)
		return false;
	if (entry->id != id || sscanf(dash, " - %63s", entry->type) != 1)
		return false;
	unescape(entry->point);
	return true;
}

/* The mount of that number in a table. 0 or -errno. */
static int find(const char *path, int id, struct mount_entry *entry)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	FILE *table = fopen(path, "re");
	if (!table)
		return -errno;
	while (id >= 0 && !found && getline(&line, &size, table) > 0)
		found = parse(line, id, entry);
	free(line);
	fclose(table);
	return found ? 0 : -ENOENT;
}

int mount_entry_of(int fd, struct mount_entry *entry)
{
	return find("/proc/self/mountinfo", mount_id(fd), entry);
}

bool mount_entry_is_root(const struct mount_entry *entry, int fd)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return false;
	path[size] = '\0';
	return strcmp(path, entry->point) == 0;
}

bool mount_entry_is_cachefs(const struct mount_entry *entry)
{
	return strcmp(entry->type, "fuse.cachefs") == 0;
}

bool mount_cachefs_at(const char *path, struct mount_entry *entry)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	bool ours = fd >= 0 && mount_entry_of(fd, entry) == 0 && mount_entry_is_cachefs(entry) &&
		    mount_entry_is_root(entry, fd);

	if (fd >= 0)
		close(fd);
	return ours;
}

unsigned mount_connection_at(const char *path)
{
	struct mount_entry entry;

	return mount_cachefs_at(path, &entry) ? entry.connection : 0;
}

unsigned mount_connection_of(pid_t pid, int id)
{
	struct mount_entry entry;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	return find(path, id, &entry) == 0 && mount_entry_is_cachefs(&entry) ? entry.connection : 0;
}
