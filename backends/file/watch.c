/*
 * The thread of a file layer: reads the directory at the start, then follows it (inotify), and
 * removes what expires. See file/store.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/store.h"
#include "base/log.h"
#include "base/waiting.h"

enum { EXPIRY_CHECK_MS = 1000 };

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
		if (file_is_entry(f, d->d_name) &&
		    fstatat(f->dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !found_add(list, d->d_name, st.st_mtim))
			rc = -ENOMEM;
		if (step)
			file_change_step(f, step);
	}
	return rc;
}

/* Reads what is new in the directory; step NULL: before anybody has a turn. False: not all of it. */
static bool scan(struct file_layer *f, struct file_step *step)
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

/* Whether the list of markers is the one that was read or written last. */
static bool are_markers_known(struct file_layer *f, const char *name)
{
	struct file_look now, known;

	lock_take(&f->lock);
	known = f->markers_look;
	lock_release(&f->lock);
	return file_look_of(f, name, &now) == 0 && file_looks_same(&now, &known);
}

/* Most events are our own. */
static bool is_news(struct file_layer *f, const char *name)
{
	if (file_is_markers(name))
		return !are_markers_known(f, name);
	return file_is_entry(f, name) && !file_is_as_known(f, name, false);
}

static void notice(struct file_layer *f, const char *name)
{
	if (!is_news(f, name) || file_change_begin(f) < 0)
		return;
	if (file_is_markers(name)) {
		file_markers_refresh(f);
	} else {
		file_reload(f, name);
		file_make_room(f, 0); /* another program may have added it */
	}
	file_change_end(f);
}

/* The first file that the index knows after that name, which becomes its; false: there is none. */
static bool next_known(struct file_layer *f, char name[FILE_NAME_SIZE])
{
	size_t size = strlen(name);

	lock_take(&f->lock);
	/* With the end of the text: the first name behind it. */
	const struct entry *file = entries_seek(&f->files, key_make(name, size + (size > 0)));
	if (file) {
		memcpy(name, file->key.bytes, file->key.size);
		name[file->key.size] = '\0';
	}
	lock_release(&f->lock);
	return file != NULL;
}

static void forget_gone(struct file_layer *f, struct file_step *step)
{
	char name[FILE_NAME_SIZE] = "";

	while (!atomic_load(&f->stopping) && next_known(f, name)) {
		if (!file_is_as_known(f, name, true))
			file_reload(f, name);
		file_change_step(f, step);
	}
}

/* Files that nobody has told of, or that could not be read: all are looked at again. */
static void look_at_all(struct file_layer *f)
{
	if (file_change_begin(f) < 0)
		return;
	struct file_step step = { 0 };
	file_markers_refresh(f);
	scan(f, &step);
	forget_gone(f, &step);
	file_make_room(f, 0);
	file_change_end(f);
}

/* False: there are none. */
static bool read_events(struct file_layer *f)
{
	char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(f->inotify_fd, buffer, sizeof(buffer));

	for (char *at = buffer; n > 0 && at < buffer + n;) {
		const struct inotify_event *event = (const struct inotify_event *)at;
		if (event->mask & IN_Q_OVERFLOW)
			look_at_all(f);
		else if (event->len > 0)
			notice(f, event->name);
		at += sizeof(*event) + event->len;
	}
	return n > 0;
}

void file_watch_catch_up(struct file_layer *f)
{
	if (f->inotify_fd < 0)
		return;
	lock_take(&f->lock);
	if (f->following) {
		lock_release(&f->lock);
		waiting_begin();
		lock_take(&f->lock);
	}
	while (f->following) /* that ends with the change that is under way, if there is one */
		condition_wait(&f->turned, &f->lock);
	f->following = f->loaded;
	bool follow = f->following;
	lock_release(&f->lock);
	if (!follow)
		return;
	while (read_events(f))
		;
	lock_take(&f->lock);
	f->following = false;
	pthread_cond_broadcast(&f->turned);
	lock_release(&f->lock);
}

static void expire(struct file_layer *f)
{
	lock_take(&f->lock);
	bool due = entries_due(&f->entries, time_instant(f->env->time)) != NULL;
	lock_release(&f->lock);
	if (!due || file_change_begin(f) < 0)
		return;
	file_expire(f);
	file_change_end(f);
}

/* Other programs add files and fill the disk, too, also before the start. */
static void keep_limits(struct file_layer *f)
{
	if (file_change_begin(f) < 0)
		return;
	file_make_room(f, 0);
	file_keep_free(f, KEY_ROOT);
	file_change_end(f);
}

static void *watch_main(void *argument)
{
	struct file_layer *f = argument;
	struct pollfd fds[2] = { { .fd = f->wake_fd, .events = POLLIN },
				 { .fd = f->inotify_fd, .events = POLLIN } };

	file_markers_refresh(f);
	bool complete = scan(f, NULL);
	if (atomic_load(&f->stopping))
		return NULL;
	file_hits_load(f);
	/* What the index does not know of would not be moved. */
	if (complete && file_move_finish(f) < 0)
		log_error("file: layer \"%s\": a rename of a directory that had begun earlier is "
			  "still half done",
			  f->env->layer_name);
	lock_take(&f->lock);
	f->loaded = true;
	pthread_cond_broadcast(&f->turned);
	lock_release(&f->lock);
	keep_limits(f);
	while (!atomic_load(&f->stopping)) {
		lock_take(&f->lock);
		bool expires = entries_expire(&f->entries);
		lock_release(&f->lock);
		poll(fds, f->inotify_fd >= 0 ? 2 : 1, EXPIRY_CHECK_MS * (expires ? 1 : 10));
		if (f->inotify_fd >= 0 && fds[1].revents)
			file_watch_catch_up(f);
		if (atomic_exchange(&f->unread, false))
			look_at_all(f);
		if (expires)
			expire(f);
		keep_limits(f);
	}
	return NULL;
}

static void follow(struct file_layer *f)
{
	if (f->inotify_fd < 0 ||
	    inotify_add_watch(f->inotify_fd, f->conf->directory,
			      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) < 0)
		log_warning("file: layer \"%s\": cannot watch %s (%s); listings show what other "
			    "programs store there when it is got by name",
			    f->env->layer_name, f->conf->directory, strerror(errno));
}

bool file_is_removed(struct file_layer *f)
{
	struct stat held, named;

	if (fstat(f->dir_fd, &held) < 0)
		return false;
	if (stat(f->conf->directory, &named) < 0)
		return held.st_nlink == 0 || errno == ENOENT;
	return held.st_dev != named.st_dev || held.st_ino != named.st_ino;
}

/* The descriptor keeps its number: others use it without a lock. */
int file_watch_renew(struct file_layer *f, bool make)
{
	if (!file_is_removed(f))
		return -EEXIST;
	int rc = make && f->conf->ensure_directory ? file_make_directory(f->conf) : 0;
	int fd = rc == 0 ? open(f->conf->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return rc < 0 ? rc : -errno;
	rc = dup3(fd, f->dir_fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	if (rc < 0)
		return rc;
	log_warning(
		"file: layer \"%s\": %s was removed or moved away, with all that was in it; there is a new one",
		f->env->layer_name, f->conf->directory);
	follow(f);
	file_forget_all(f);
	scan(f, NULL);
	return 0;
}

int file_watch_start(struct file_layer *f)
{
	f->wake_fd = eventfd(0, EFD_CLOEXEC);
	f->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	follow(f);
	if (f->wake_fd < 0 || pthread_create(&f->thread, NULL, watch_main, f) != 0)
		return -EAGAIN;
	return 0;
}

void file_watch_stop(struct file_layer *f)
{
	uint64_t one = 1;

	atomic_store(&f->stopping, true);
	if (write(f->wake_fd, &one, sizeof(one)) < 0)
		log_debug("file: cannot wake the thread: %s", strerror(errno));
	pthread_join(f->thread, NULL);
}
