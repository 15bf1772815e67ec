/* The directory of a file layer. See file/directory.h. */
#include "file/directory.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/name.h"
#include "file/read.h"
#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"

int file_directory_make(const struct file_conf *conf)
{
	mode_t mode = private_dir_mode(file_mode(conf));
	int rc = parents_make(conf->directory, mode);

	return rc == 0 ? parents_make_one(conf->directory, mode) : rc;
}

void file_directory_follow(struct file_layer *f)
{
	if (f->inotify_fd < 0 ||
	    inotify_add_watch(f->inotify_fd, f->conf->directory,
			      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0)
		log_warning("file: layer \"%s\": cannot watch %s (%s); listings show what other "
			    "programs store there when it is got by name",
			    f->env->layer_name, f->conf->directory, strerror(errno));
}

/* --- scanning --------------------------------------------------------------------------------- */

/* A file in the scan, to be read in the order of age. */
struct found {
	char *name;
	struct timespec mtime;
};

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->mtime.tv_sec != y->mtime.tv_sec)
		return x->mtime.tv_sec < y->mtime.tv_sec ? -1 : 1;
	if (x->mtime.tv_nsec != y->mtime.tv_nsec)
		return x->mtime.tv_nsec < y->mtime.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* A temporary file whose writer is gone: nobody holds its lock. */
static void sweep(struct file_layer *f, const char *name)
{
	if (strncmp(name, FILE_OURS "tmp-", sizeof(FILE_OURS "tmp-") - 1) != 0)
		return;
	int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(f->dir_fd, name, 0);
	close(fd);
}

struct found_list {
	struct found *items;
	size_t count, room;
};

static bool found_add(struct found_list *list, const char *name, struct timespec mtime)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 256;
		struct found *grown = reallocarray(list->items, room, sizeof(*grown));
		if (!grown)
			return false;
		list->items = grown;
		list->room = room;
	}
	char *copy = strdup(name);
	if (copy)
		list->items[list->count++] = (struct found){ copy, mtime };
	return copy;
}

/* The names of all entries' files with their age. 0 or -errno: there may be more. */
static int list_files(struct file_layer *f, DIR *dir, struct found_list *list,
		      struct file_step *step)
{
	struct stat st;
	int rc = 0;

	while (rc == 0 && !atomic_load(&f->stopping)) {
		errno = 0;
		const struct dirent *d = readdir(dir);
		if (!d)
			return -errno;
		sweep(f, d->d_name);
		if (file_is_entry(f->conf, d->d_name) &&
		    fstatat(f->dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !found_add(list, d->d_name, st.st_mtim))
			rc = -ENOMEM;
		if (step)
			file_change_step(f, step);
	}
	return rc;
}

bool file_directory_scan(struct file_layer *f, struct file_step *step)
{
	int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct found_list list = { 0 };
	int rc = dir ? list_files(f, dir, &list, step) : -errno;

	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (rc < 0)
		log_error("file: layer \"%s\": cannot read all of %s: %s", f->env->layer_name,
			  f->conf->directory, strerror(-rc));
	if (list.count > 0)
		qsort(list.items, list.count, sizeof(*list.items), compare_found);
	for (size_t i = 0; i < list.count; i++) {
		if (!atomic_load(&f->stopping))
			file_reload(f, list.items[i].name);
		if (step)
			file_change_step(f, step);
		free(list.items[i].name);
	}
	free(list.items);
	return rc == 0 && !atomic_load(&f->unread) && !atomic_load(&f->stopping);
}

/* --- another one ------------------------------------------------------------------------------ */

bool file_directory_is_removed(struct file_layer *f)
{
	struct stat held, named;

	if (fstat(f->dir_fd, &held) < 0)
		return false;
	if (stat(f->conf->directory, &named) < 0)
		return held.st_nlink == 0 || errno == ENOENT;
	return held.st_dev != named.st_dev || held.st_ino != named.st_ino;
}

int file_directory_renew(struct file_layer *f, bool make)
{
	assert(file_may_change(f));
	if (!file_directory_is_removed(f))
		return -EEXIST;
	int rc = make && f->conf->ensure_directory ? file_directory_make(f->conf) : 0;
	int fd = rc == 0 ? open(f->conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return rc < 0 ? rc : -errno;
	rc = dup3(fd, f->dir_fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	if (rc < 0)
		return rc;
	log_warning("file: layer \"%s\": %s was removed or moved away, with all that was in it; "
		    "there is a new one",
		    f->env->layer_name, f->conf->directory);
	file_directory_follow(f);
	file_forget_all(f);
	file_directory_scan(f, NULL);
	return 0;
}
