/* See descriptors.h. */
#include "verbs/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time_source.h"
#include "base/waiting.h"
#include "verbs/mount_table.h"
#include "verbs/process.h"

enum {
	LOOK_INLINE = 32, /* then somebody else serves the requests meanwhile */
	LOOK_ANYWAY = 64, /* a busy machine must not end a look at a process with few files */
	THREADS_MAX = 16,
};

void look_begin(struct look *look, const struct our_mount *mount, uint64_t ino)
{
	*look = (struct look){
		.mount = mount,
		.ino = ino,
		.left = mount->connection ? LOOK_DESCRIPTORS : 0,
		.end_ns = time_mono_ns() + LOOK_US * INT64_C(1000),
	};
}

static bool is_on_our_mount(const struct our_mount *mount, pid_t pid, int mount_id)
{
	return mount_id == mount->id || mount_connection_of(pid, mount_id) == mount->connection;
}

/* Whether fdinfo shows the file, open as we look for. */
static bool is_of_file(const struct look *look, pid_t pid, const char *number)
{
	char name[64], text[512];
	unsigned flags = 0;
	int mount_id = -1;
	uint64_t ino = 0;

	snprintf(name, sizeof(name), "fdinfo/%.20s", number);
	if (process_read(pid, name, text, sizeof(text)) < 0 ||
	    sscanf(text, "pos: %*s flags: %o mnt_id: %d ino: %" SCNu64, &flags, &mount_id, &ino) !=
		    3)
		return false;
	bool writes = (flags & O_ACCMODE) != O_RDONLY;
	return ino == look->ino && writes != look->readers &&
	       is_on_our_mount(look->mount, pid, mount_id);
}

/* The link in /proc shows by its own mode what the descriptor is open for: 1 us, fdinfo takes 5.
 * (The link's: what it leads to is not asked.) */
static bool may_write(int dir, const char *number)
{
	struct stat link;

	return fstatat(dir, number, &link, AT_SYMLINK_NOFOLLOW) == 0 && (link.st_mode & S_IWUSR);
}

/* Counts one more descriptor that is looked at. False: it was enough. */
static bool look_on(struct look *look)
{
	if (look->left > 0)
		look->left--;
	if (look->left == LOOK_DESCRIPTORS - LOOK_INLINE)
		waiting_begin();
	if (look->left < LOOK_DESCRIPTORS - LOOK_ANYWAY && time_mono_ns() > look->end_ns)
		look->left = 0;
	return look->left > 0;
}

struct listing_of {
	int dir;
	long size, at;
	char buffer[1024]; /* some 40 names: the kernel takes 0.4 us for each */
};

static const char *next_name(struct listing_of *l)
{
	for (;;) {
		if (l->at >= l->size) {
			l->size = getdents64(l->dir, l->buffer, sizeof(l->buffer));
			l->at = 0;
			if (l->size <= 0)
				return NULL;
		}
		const struct dirent64 *entry = (const void *)(l->buffer + l->at);
		l->at += entry->d_reclen;
		if (entry->d_name[0] != '.')
			return entry->d_name;
	}
}

static int open_directory(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum found { FOUND_NO_FILES, FOUND_FEWER, FOUND_MORE };

/* What the descriptors of a thread, and of all that share them, amount to. */
static enum found look_at(struct look *look, pid_t tid, unsigned count)
{
	struct listing_of l = { .dir = open_directory(tid, "fd") };
	enum found found = FOUND_NO_FILES;
	const char *number;

	while (l.dir >= 0 && found != FOUND_MORE && (number = next_name(&l)) && look_on(look)) {
		found = FOUND_FEWER;
		if (may_write(l.dir, number) != look->readers && is_of_file(look, tid, number) &&
		    count-- == 0)
			found = FOUND_MORE;
	}
	if (l.dir < 0)
		return FOUND_FEWER;
	close(l.dir);
	return found;
}

/* The first thread of a process may have ended before the others: then it shows no files. */
static bool look_at_threads(struct look *look, pid_t pid, unsigned count)
{
	struct listing_of l = { .dir = open_directory(pid, "task") };
	enum found found = FOUND_NO_FILES;
	const char *number;

	for (int i = 0; i < THREADS_MAX && l.dir >= 0 && found == FOUND_NO_FILES; i++) {
		pid_t tid = (number = next_name(&l)) ? (pid_t)strtol(number, NULL, 10) : 0;
		if (tid == 0)
			break;
		if (tid != pid)
			found = look_at(look, tid, count);
	}
	if (l.dir >= 0)
		close(l.dir);
	return found == FOUND_MORE;
}

bool look_finds_more_than(struct look *look, pid_t pid, unsigned count)
{
	if (pid <= 0 || look->left == 0)
		return false;
	enum found found = look_at(look, pid, count);
	return found == FOUND_MORE ||
	       (found == FOUND_NO_FILES && look_at_threads(look, pid, count));
}
