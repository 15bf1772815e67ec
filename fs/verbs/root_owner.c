/* See root_owner.h. The file is one line: mode (octal), uid, gid. */
#include "verbs/root_owner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/private_dir.h"

#define FILE_NAME "root"
#define TEMP_NAME "root.new"

/* -1: there is no such directory, or none of ours. */
static int open_state_dir(const struct fs *fs)
{
	char reason[120];

	return fs->conf->state_dir
		       ? private_dir_open(fs->conf->state_dir, NULL, reason, sizeof(reason))
		       : -1;
}

void root_owner_load(struct fs *fs)
{
	char text[64] = "";
	struct root_owner read = { 0 };
	int dir = open_state_dir(fs);
	int fd = dir >= 0 ? openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
			  : -1;
	ssize_t n = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%o %u %u", &read.mode, &read.uid, &read.gid) == 3)
		fs->root_owner = (struct root_owner){ .mode = S_IFDIR | (read.mode & 07777u),
						      .uid = read.uid,
						      .gid = read.gid };
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

void root_owner_note_locked(struct fs *fs, const struct meta *meta)
{
	assert(lock_is_held(&fs->inodes.lock));
	fs->root_owner = (struct root_owner){ .mode = meta->mode,
					      .uid = meta->uid,
					      .gid = meta->gid };
}

void root_owner_fill_locked(const struct fs *fs, struct meta *meta)
{
	assert(lock_is_held(&fs->inodes.lock));
	if (meta->mode != 0)
		return;
	meta->mode = fs->root_owner.mode;
	meta->uid = fs->root_owner.uid;
	meta->gid = fs->root_owner.gid;
}

static int write_in(int dir, const char *text)
{
	int fd = openat(dir, TEMP_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0)
		return -errno;
	size_t size = strlen(text);
	int rc = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0 ? 0 : -EIO;
	close(fd);
	if (rc == 0 && renameat(dir, TEMP_NAME, dir, FILE_NAME) < 0)
		rc = -errno;
	return rc;
}

void root_owner_save(struct fs *fs)
{
	char text[64];
	int dir = open_state_dir(fs);

	if (dir < 0)
		return;
	inodes_lock(&fs->inodes);
	struct root_owner r = fs->root_owner;
	inodes_unlock(&fs->inodes);
	snprintf(text, sizeof(text), "%o %u %u\n", r.mode & 07777u, r.uid, r.gid);
	int rc = write_in(dir, text);
	if (rc < 0)
		log_warning("cannot note the mode of the root directory in %s: %s",
			    fs->conf->state_dir, strerror(-rc));
	close(dir);
}
