/* Writes the files of a file layer. See file/write.h. */
#include "file/write.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/directory.h"
#include "file/entry_write.h"
#include "file/evict.h"
#include "file/index.h"
#include "file/turn.h"
#include "base/private_dir.h"
#include "base/whole.h"

/* A file that nobody else takes for left over: it is locked while it is being written. */
static int temp_open(struct file_layer *f, char name[FILE_NAME_SIZE])
{
	snprintf(name, FILE_NAME_SIZE, FILE_OURS "tmp-%d-%llu", (int)getpid(),
		 (unsigned long long)atomic_fetch_add(&f->temp_number, 1));
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	flock(fd, LOCK_EX | LOCK_NB);
	private_dir_share(fd, NULL, file_mode(f->conf));
	return fd;
}

/* The age of the entry's file; false: nothing is known of it. */
static bool age_of(struct file_layer *f, struct key key, struct timespec *age)
{
	lock_take(&f->lock);
	const struct entry *file = file_of_key_locked(f, key);
	if (file)
		*age = file_record_look(file).mtime;
	lock_release(&f->lock);
	return file != NULL;
}

/* What is to be written: text as it stands, or an entry, which has the time of its file in it. */
struct content {
	const char *text;
	size_t size;
	struct key key;
	const struct file_origin *was; /* see file_store() */
	struct value *value;
	const struct meta *meta;
};

static int write_entry(struct file_layer *f, int fd, const struct content *c)
{
	struct key aged = c->was ? c->was->key : KEY_ROOT;
	bool moved = c->was && !key_equal(aged, c->key);
	struct file_look look;
	struct timespec age;
	char *text;
	size_t size;
	int rc = file_look_at(fd, &look);

	if (rc < 0)
		return rc;
	if (!age_of(f, aged, &age))
		age = look.mtime; /* by the file system's own clock */
	rc = file_entry_write(c->key, moved ? c->was : NULL, c->value, c->meta, &age, &text, &size);
	if (rc < 0)
		return rc;
	rc = whole_write(fd, text, size, 0);
	free(text);
	struct timespec times[2] = { age, age };
	return rc == 0 && futimens(fd, times) < 0 ? -errno : rc;
}

static int write_once(struct file_layer *f, const char *name, const struct content *c,
		      struct file_look *look)
{
	char temp[FILE_NAME_SIZE];
	int fd = temp_open(f, temp);

	if (fd < 0)
		return fd;
	int rc = c->text ? whole_write(fd, c->text, c->size, 0) : write_entry(f, fd, c);
	if (rc == 0)
		rc = file_look_at(fd, look);
	if (rc == 0 && renameat(f->dir_fd, temp, f->dir_fd, name) < 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(f->dir_fd, temp, 0);
	else
		unsynced_note(&f->unsynced, name);
	close(fd);
	return rc;
}

/* Over the file that is there, which keeps its blocks. -ENOSPC: it is shorter. */
static int overwrite(struct file_layer *f, const char *name, const struct content *c,
		     struct file_look *look)
{
	int fd = openat(f->dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc = fd < 0 ? -ENOSPC : file_look_at(fd, look);

	if (rc == 0 && look->size < c->size)
		rc = -ENOSPC;
	if (rc == 0)
		rc = whole_write(fd, c->text, c->size, 0);
	if (rc == 0 && ftruncate(fd, (off_t)c->size) < 0)
		rc = -errno;
	if (rc == 0)
		rc = file_look_at(fd, look);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		unsynced_note(&f->unsynced, name);
	return rc;
}

static int write_anew(struct file_layer *f, const char *name, const struct content *c,
		      struct file_look *look)
{
	int rc = write_once(f, name, c, look);

	/* The directory is gone, or elsewhere, or another daemon took the temporary file for one
	 * left over. */
	if (rc == -ENOENT || (rc == 0 && file_directory_is_removed(f))) {
		file_directory_renew(f, true);
		rc = write_once(f, name, c, look);
	}
	return rc == -ENOENT ? -EIO : rc;
}

/* As an entry's text is at most: each byte may be escaped. */
static uint64_t size_of(const struct content *c)
{
	return c->text ? c->size : 6 * value_size(c->value) + 4096;
}

static int write_content(struct file_layer *f, const char *name, const struct content *c,
			 struct file_look *look)
{
	struct key kept = c->was ? c->was->key : c->key;

	assert(file_may_change(f));
	int rc = write_anew(f, name, c, look);
	bool full = free_space_is_short(rc);

	if (full && c->text)
		rc = overwrite(f, name, c, look);
	/* Little by little: the text may be much shorter than it can be. */
	for (uint64_t size = size_of(c) / 8 + 4096;
	     free_space_is_short(rc) && file_make_space(f, size, kept); size *= 2)
		rc = write_anew(f, name, c, look);
	if (!atomic_load(&f->stopping) && (full || rc == 0))
		free_space_settled(&f->space, !free_space_is_short(rc));
	return free_space_is_short(rc) ? -ENOSPC : rc;
}

int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       struct file_look *look)
{
	const struct content content = { .text = text, .size = size };

	return write_content(f, name, &content, look);
}

int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was)
{
	const struct content content = { .key = key, .was = was, .value = value, .meta = meta };
	struct file_look look;
	int rc = write_content(f, name, &content, &look);

	if (rc == 0)
		rc = file_remember(f, name, &look, key, meta, was ? was->key : KEY_ROOT);
	return rc;
}
