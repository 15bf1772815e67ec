/* Finds the file of a key's entry. See file/find.h. */
#include "file/find.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file/directory.h"
#include "file/entry_read.h"
#include "file/evict.h"
#include "file/index.h"
#include "file/read.h"
#include "file/turn.h"
#include "file/watch.h"
#include "base/waiting.h"

enum {
	READ_TRIES = 64, /* a file may be replaced between its name and its content */
	LARGE = 256 * 1024,
};

static bool place_find(struct file_layer *f, struct key key, struct file_place *place)
{
	struct instant now = time_instant(f->env->time);

	*place = (struct file_place){ .name = "" };
	lock_take(&f->lock); /* the metadata and the look of one and the same file */
	struct entry *e = entries_find(&f->entries, key);
	if (e) {
		const struct entry *file = file_of_key_locked(f, key);
		file_record_name(file, place->name);
		place->look = file_record_look(file);
		meta_copy(&place->meta, &e->meta);
		place->expired = meta_is_expired(&e->meta, now);
	}
	lock_release(&f->lock);
	return e != NULL;
}

/*
 * Opens the file if it looks as the place says. -EAGAIN: it does not, or that proves nothing unless
 * it was read just now (fresh); or -errno.
 */
static int open_known(struct file_layer *f, const struct file_place *place, bool fresh)
{
	struct file_look look;
	int fd = openat(f->dir_fd, place->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? -EAGAIN
		       : errno == EACCES                 ? file_forbidden(f, place->name)
							 : -errno;
	if (file_look_at(fd, &look) < 0 || !file_looks_same(&look, &place->look) ||
	    (place->look.young && !fresh)) {
		close(fd);
		return -EAGAIN;
	}
	return fd;
}

/* The same without opening it, which can fail for want of descriptors. 0 or -EAGAIN. */
static int look_known(struct file_layer *f, const struct file_place *place, bool fresh)
{
	struct file_look look;
	bool known = file_look_of(f->dir_fd, place->name, &look) == 0 &&
		     file_looks_same(&look, &place->look) && (fresh || !place->look.young);

	return known ? 0 : -EAGAIN;
}

/*
 * The file of the key, other than the one that its entry is in, that the index does not know as it
 * is; NULL: there is none. Another program's set may be in the plain one at any time. One with a
 * hash is made only where another key has the plain one: who has the plain one has no other.
 */
static const char *unknown_file(struct file_layer *f, struct key key, const char *own, bool fresh,
				char names[2][FILE_NAME_SIZE])
{
	for (int i = file_names(f->conf, key, names[0], names[1]) ? 0 : 1; i < 2; i++) {
		if (strcmp(names[i], own) == 0)
			return NULL;
		if (!file_is_as_known(f, names[i], fresh))
			return names[i];
	}
	return NULL;
}

static int reload(struct file_layer *f, const char *name)
{
	int rc = file_change_begin(f);

	if (rc < 0)
		return rc;
	rc = file_reload(f, name);
	file_change_end(f);
	return rc == -EAGAIN ? 0 : rc; /* it is being written: once more */
}

enum want { WANT_LOOK, WANT_FD };

/* One look, the first of a row or not: what is wanted, -EAGAIN: a file has been read again. */
static int try_find(struct file_layer *f, struct key key, struct file_place *place, enum want want,
		    bool fresh)
{
	char names[2][FILE_NAME_SIZE];
	bool found = place_find(f, key, place);
	const char *unknown = unknown_file(f, key, place->name, fresh, names);
	int rc = unknown             ? -EAGAIN
		 : !found            ? -ENOENT
		 : want == WANT_LOOK ? look_known(f, place, fresh)
				     : open_known(f, place, fresh);

	if (rc >= 0 && place->expired) {
		if (want == WANT_FD)
			close(rc);
		rc = -ENOENT;
	}
	if (rc == -EAGAIN) {
		int failed = reload(f, unknown ? unknown : place->name);
		rc = failed < 0 ? failed : -EAGAIN;
	}
	if (rc < 0)
		meta_fini(&place->meta);
	return rc;
}

/*
 * Where the key's entry is, as the index says; what another program has changed is read first. 0
 * (WANT_LOOK) or an open file. -ENOENT: a miss. With an error there is nothing to finish.
 */
static int find_known(struct file_layer *f, struct key key, struct file_place *place,
		      enum want want)
{
	int rc = -EAGAIN;

	for (int i = 0; i < READ_TRIES && rc == -EAGAIN; i++)
		rc = try_find(f, key, place, want, i > 0);
	return rc == -EAGAIN ? -EIO : rc;
}

/* The same where the directory itself may have been removed, or the list of markers is news. */
static int find_entry(struct file_layer *f, struct key key, struct file_place *place,
		      enum want want)
{
	int rc = find_known(f, key, place, want);

	if (rc != -ENOENT)
		return rc;
	file_watch_catch_up(f);
	if (file_directory_is_removed(f) && file_change_begin(f) == 0) {
		file_directory_renew(f, false);
		file_change_end(f);
	}
	return find_known(f, key, place, want);
}

int file_find(struct file_layer *f, struct key key, struct file_place *place)
{
	return find_entry(f, key, place, WANT_LOOK);
}

int file_find_open(struct file_layer *f, struct key key, struct file_place *place)
{
	return find_entry(f, key, place, WANT_FD);
}

int file_find_current(struct file_layer *f, struct key key, struct file_place *place)
{
	char names[2][FILE_NAME_SIZE];

	assert(file_may_change(f));
	file_expire(f);
	bool found = place_find(f, key, place);
	int rc = found ? file_reload(f, place->name) : 0;
	for (int i = 0; i < 3 && rc == 0; i++) {
		meta_fini(&place->meta);
		found = place_find(f, key, place);
		const char *unknown = unknown_file(f, key, place->name, i > 0, names);
		if (!unknown)
			break;
		rc = file_reload(f, unknown);
	}
	if (rc == 0)
		return found && !place->expired ? 0 : -ENOENT;
	return rc == -EAGAIN ? -EIO : rc;
}

int file_value_at(const struct file_place *place, int fd, struct value **value, uint64_t *renames)
{
	struct file_entry entry;
	char *text;

	if (place->look.size > LARGE)
		waiting_begin();
	int rc = file_text(fd, place->look.size, &text);
	if (rc < 0)
		return rc == -EAGAIN ? -EINVAL : rc;
	rc = file_entry_read(text, (size_t)place->look.size, false, &entry);
	if (rc == 0) {
		rc = file_entry_value(&entry, &place->look.mtime, value);
		if (renames)
			*renames = entry.renames;
		if (rc == 0 && (entry.foreign != (place->look.hash != 0) ||
				value_size(*value) != place->meta.size)) {
			value_unref(*value);
			*value = NULL;
			rc = -EINVAL;
		}
		file_entry_fini(&entry);
	}
	free(text);
	return rc;
}

int file_find_whole(struct file_layer *f, struct key key, struct file_place *place,
		    struct value **value, struct file_origin *origin)
{
	int rc = -EINVAL;

	*origin = (struct file_origin){ .key = key };
	*value = NULL;
	for (int i = 0; i < 3 && rc == -EINVAL; i++) {
		rc = i > 0 ? file_read_again(f, place->name) : 0;
		if (rc == 0)
			rc = file_find_current(f, key, place);
		int fd = rc == 0 ? open_known(f, place, true) : rc;
		rc = fd < 0 ? fd : file_value_at(place, fd, value, &origin->renames);
		if (fd >= 0)
			close(fd);
		if (rc < 0)
			meta_fini(&place->meta);
	}
	return rc == -EINVAL || rc == -EAGAIN ? -EIO : rc; /* it changes under our hands */
}
