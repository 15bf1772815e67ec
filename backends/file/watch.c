/* The thread of a file layer. See file/watch.h. */
#include "file/watch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "file/directory.h"
#include "file/evict.h"
#include "file/index.h"
#include "file/lists.h"
#include "file/read.h"
#include "base/log.h"
#include "base/waiting.h"

enum { EXPIRY_CHECK_MS = 1000 };

/* Most events are our own. */
static bool is_news(struct file_layer *f, const char *name)
{
	if (file_is_markers(name))
		return file_markers_are_news(f);
	return file_is_entry(f->conf, name) && !file_is_as_known(f, name, false);
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
	if (file)
		file_record_name(file, name);
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
	file_directory_scan(f, &step);
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
	assert(f->following);
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
	bool complete = file_directory_scan(f, NULL);
	if (atomic_load(&f->stopping))
		return NULL;
	f->scanned(f, complete);
	file_turn_loaded(f);
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

int file_watch_start(struct file_layer *f, void (*scanned)(struct file_layer *f, bool complete))
{
	f->scanned = scanned;
	f->wake_fd = eventfd(0, EFD_CLOEXEC);
	f->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	file_directory_follow(f);
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
