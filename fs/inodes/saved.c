/* See saved.h. */
#include "inodes/saved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/journal_row.h"
#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"
#include "base/whole.h"

#define SUBDIRECTORY "scratch"

enum {
	HEAD_ROOM = 256 * 1024, /* of each of the two; a key and 64 KiB of attributes fit */
	CONTENT_AT = 2 * HEAD_ROOM,
	LOAD_MAX = 1024 * 1024, /* larger values stay in their file */
};

static const char magic[8] = "cachefs1";

/* Then the key and the packed metadata (journal_row.h), whose checksum is over both. */
struct head {
	char magic[8];
	uint64_t number, same_number; /* of the commit */
	uint32_t key_size, row_size;
};

struct saved {
	int dir, fd;
	uint64_t number; /* of the latest commit; 0: none */
	bool kept;
	char name[64];
};

/* --- the directory ---------------------------------------------------------------------------- */

static int directory_path(const char *dir, char *path, size_t size)
{
	return snprintf(path, size, "%s/" SUBDIRECTORY, dir) < (int)size ? 0 : -ENAMETOOLONG;
}

static int open_directory(const char *dir, bool make)
{
	char path[4096 + sizeof(SUBDIRECTORY) + 1], reason[160] = "";
	int rc = directory_path(dir, path, sizeof(path));

	if (rc == 0 && make)
		rc = parents_make(path, 0700);
	if (rc == 0 && make && mkdir(path, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	int fd = rc == 0 ? private_dir_open(path, NULL, reason, sizeof(reason)) : rc;
	if (fd == -EPERM)
		log_error("%s %s: temporary files cannot be synced", path, reason);
	return fd;
}

int saved_new(const char *dir, uint64_t ino, struct saved **saved)
{
	struct saved *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->dir = open_directory(dir, true);
	int rc = s->dir < 0 ? s->dir : 0;
	snprintf(s->name, sizeof(s->name), "%016" PRIx64 "-%ld", ino, (long)getpid());
	if (rc == 0)
		s->fd = openat(s->dir, s->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (rc == 0 && (s->fd < 0 || flock(s->fd, LOCK_EX | LOCK_NB) < 0 || fsync(s->dir) < 0))
		rc = -errno;
	if (rc < 0)
		saved_free(s);
	else
		*saved = s;
	return rc;
}

bool saved_is_committed(const struct saved *s)
{
	return s->number > 0;
}

void saved_keep(struct saved *s)
{
	s->kept = true;
}

void saved_free(struct saved *s)
{
	if (!s)
		return;
	if (s->fd >= 0) {
		if (!s->kept)
			unlinkat(s->dir, s->name, 0);
		close(s->fd);
	}
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

/* --- writing ---------------------------------------------------------------------------------- */

int saved_write(struct saved *s, const void *bytes, size_t size, uint64_t offset)
{
	return whole_write(s->fd, bytes, size, CONTENT_AT + offset);
}

static int sync_file(const struct saved *s)
{
	return fdatasync(s->fd) < 0 ? -errno : 0;
}

static int write_head(struct saved *s, struct key key, const struct meta *meta)
{
	size_t row_size;
	void *row = journal_row_pack(key, NULL, meta, &row_size);
	struct head head = { .number = s->number + 1, .key_size = (uint32_t)key.size };

	if (!row)
		return -ENOMEM;
	memcpy(head.magic, magic, sizeof(magic));
	head.same_number = head.number;
	head.row_size = (uint32_t)row_size;
	uint64_t at = head.number % 2 * HEAD_ROOM;
	int rc = sizeof(head) + key.size + row_size <= HEAD_ROOM ? 0 : -EFBIG;
	if (rc == 0)
		rc = whole_write(s->fd, &head, sizeof(head), at);
	if (rc == 0)
		rc = whole_write(s->fd, key.bytes, key.size, at + sizeof(head));
	if (rc == 0)
		rc = whole_write(s->fd, row, row_size, at + sizeof(head) + key.size);
	free(row);
	return rc;
}

int saved_commit(struct saved *s, struct key key, const struct meta *meta)
{
	int rc = ftruncate(s->fd, (off_t)(CONTENT_AT + meta->size)) < 0 ? -errno : sync_file(s);

	if (rc == 0)
		rc = write_head(s, key, meta);
	if (rc == 0)
		rc = sync_file(s);
	if (rc == 0)
		s->number++;
	return rc;
}

/* --- after a crash ---------------------------------------------------------------------------- */

/* One of the two heads, as text; meta is the caller's to finish. 0: the number; or -EBADMSG. */
static int read_head(int fd, unsigned which, uint64_t *number, struct key_buffer *key,
		     struct meta *meta)
{
	struct head head = { 0 };
	uint8_t *row = NULL;
	uint64_t at = (uint64_t)which * HEAD_ROOM;
	int rc = -EBADMSG;

	if (whole_read(fd, &head, sizeof(head), at) < 0 ||
	    memcmp(head.magic, magic, sizeof(magic)) != 0 || head.number != head.same_number ||
	    head.key_size == 0 || head.key_size > sizeof(key->bytes) || head.row_size > HEAD_ROOM)
		return rc;
	row = malloc(head.row_size + 1u);
	at += sizeof(head);
	if (row && whole_read(fd, key->bytes, head.key_size, at) == 0 &&
	    whole_read(fd, row, head.row_size, at + head.key_size) == 0)
		rc = journal_row_unpack(row, head.row_size, key_make(key->bytes, head.key_size),
					NULL, meta);
	free(row);
	key->size = head.key_size;
	*number = head.number;
	return rc;
}

/* The younger one. */
static int read_heads(int fd, struct key_buffer *key, struct meta *meta)
{
	uint64_t numbers[2] = { 0 };
	unsigned best = 2;

	for (unsigned i = 0; i < 2; i++) {
		struct meta one = { 0 };
		if (read_head(fd, i, &numbers[i], key, &one) < 0)
			continue;
		meta_fini(&one);
		if (best == 2 || numbers[i] > numbers[best])
			best = i;
	}
	if (best == 2)
		return -EBADMSG;
	int rc = read_head(fd, best, &numbers[best], key, meta);
	if (rc == 0 && !key_is_valid(key_make(key->bytes, key->size))) {
		meta_fini(meta);
		rc = -EBADMSG;
	}
	return rc;
}

static struct value *content_of(int fd, uint64_t size)
{
	int own = dup(fd);
	struct value *value = own >= 0 ? value_from_file(own, CONTENT_AT, size) : NULL;

	if (!value || size > LOAD_MAX)
		return value;
	struct value *loaded = value_load(value);
	value_unref(value);
	return loaded;
}

static int visit_file(int fd, int (*visit)(void *self, const struct saved_entry *entry), void *self)
{
	struct key_buffer key;
	struct meta meta = { 0 };
	struct stat st;
	int rc = read_heads(fd, &key, &meta);

	if (rc < 0)
		return rc == -EBADMSG ? 0 : rc;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < CONTENT_AT + meta.size)
		rc = -EIO;
	struct value *value = rc == 0 ? content_of(fd, meta.size) : NULL;
	if (rc == 0 && !value)
		rc = -ENOMEM;
	struct saved_entry entry = { key_make(key.bytes, key.size), &meta, value };
	if (rc == 0)
		rc = visit(self, &entry);
	value_unref(value);
	meta_fini(&meta);
	return rc;
}

unsigned saved_visit_all(const char *dir, int (*visit)(void *self, const struct saved_entry *entry),
			 void *self, uint64_t *bytes)
{
	int dir_fd = open_directory(dir, false);
	DIR *stream = dir_fd >= 0 ? fdopendir(dir_fd) : NULL;
	unsigned left = 0;
	struct stat st;

	*bytes = 0;
	if (!stream && dir_fd >= 0)
		close(dir_fd);
	for (struct dirent *e; stream && (e = readdir(stream));) {
		int fd = openat(dir_fd, e->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (visit_file(fd, visit, self) == 0)
				unlinkat(dir_fd, e->d_name, 0);
			else
				*bytes += (uint64_t)st.st_size, left++;
		}
		close(fd);
	}
	if (stream)
		closedir(stream);
	return left;
}
