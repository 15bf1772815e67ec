/* See fs.h. */
#include "daemon/fs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "inodes/ticket.h"
#include "inspect/control.h"
#include "verbs/cache_view.h"
#include "verbs/directory.h"
#include "verbs/fs_state.h"
#include "verbs/handle.h"
#include "verbs/listing.h"
#include "verbs/root_owner.h"
#include "verbs/scratch_rest.h"
#include "verbs/scratch_saved.h"
#include "verbs/tell.h"

/* A layer dropped an entry: the kernel shall look it up again. */
static void on_gone(void *self, struct key key)
{
	struct fs *fs = self;
	struct inodes *t = &fs->inodes;

	inodes_lock(t);
	if (key.size == 0) /* other programs changed nobody knows what */
		tell_all(fs);
	struct name *name = fs->notifier && key.size > 0 ? name_find_key_locked(t, key) : NULL;
	if (name && name->version && name->version->lookups > 0)
		tell_name_locked(fs, name);
	inodes_unlock(t);
}

static void load_root(struct fs *fs)
{
	struct meta meta = { 0 };

	directory_stat(fs, &fs->inodes.root, &meta);
	inodes_lock(&fs->inodes);
	directory_refresh_locked(&fs->inodes, &fs->inodes.root, &meta);
	inodes_bury_meta_locked(&fs->inodes, &meta);
	inodes_unlock(&fs->inodes);
}

/* Of the disk that large working copies are on. */
static uint64_t pending_max_bytes(const struct fs *fs)
{
	const uint64_t unknown = UINT64_C(4) << 30;
	struct layer_usage usage;
	struct statvfs st = { 0 };

	if (fs->conf->pending_max_bytes > 0)
		return fs->conf->pending_max_bytes;
	layered_usage(fs->cache, &usage);
	const char *dir = usage.path ? usage.path : getenv("TMPDIR");
	statvfs(dir && dir[0] == '/' ? dir : "/tmp", &st);
	return st.f_blocks > 0 ? (uint64_t)st.f_blocks * st.f_frsize / 2 : unknown;
}

int fs_new(const struct config *config, const struct time_source *time, struct fs **out,
	   struct problem *problem)
{
	struct fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return problem_set(problem, NULL, NULL, "out of memory");
	fs->config = config;
	fs->conf = &config->fs;
	fs->time = time;
	fs->started_ms = time_mono_ms(time);
	fs->started = time_now();
	fs->uid = getuid();
	fs->gid = getgid();
	fs->umask = umask(0077); /* and it stays so: what the daemon makes is its own alone */
	if (inodes_init(&fs->inodes, fs->conf->heap_max_bytes, time, &cache_directory_view,
			&cache_file_view) < 0) {
		free(fs);
		return problem_set(problem, NULL, NULL, "out of memory");
	}
	if (config->top.ttl_ms >= 0)
		fs->inodes.root_end = end_make(END_STEADY, config->top.ttl_ms);
	fs->locks = file_locks_new(time);
	struct layered_events events = { on_gone, fs };
	int rc = fs->locks && control_make_files(fs) == 0
			 ? layered_open(&config->cache, time, &events, &fs->cache, problem)
			 : problem_set(problem, NULL, NULL, "out of memory");
	if (rc < 0) {
		fs_free(fs);
		return rc;
	}
	fs->inodes.copies.max_bytes = pending_max_bytes(fs);
	fs->inodes.copies.owner = fs->uid;
	root_owner_load(fs);
	load_root(fs);
	scratch_saved_restore(fs);
	if (scratch_rest_start(fs) < 0) {
		fs_free(fs);
		return problem_set(problem, NULL, NULL, "cannot start a thread");
	}
	*out = fs;
	return 0;
}

void fs_attach(struct fs *fs, const struct mount *mount, struct notifier *notifier,
	       const struct request_counts *requests)
{
	inodes_lock(&fs->inodes); /* a layer may be telling of a change already: on_gone() */
	assert(!fs->notifier && !fs->requests); /* once */
	fs->seen_as = mount_seen_as(mount);
	fs->notifier = notifier;
	fs->requests = requests;
	inodes_unlock(&fs->inodes);
}

void fs_on_ready(struct fs *fs, void (*ready)(void *self), void *self)
{
	fs->ready = ready;
	fs->ready_self = self;
}

void fs_wake(void *self)
{
	struct fs *fs = self;

	inodes_lock(&fs->inodes);
	fs->inodes.stopping = true;
	inodes_changed_locked(&fs->inodes);
	inodes_unlock(&fs->inodes);
}

void fs_ending(void *self)
{
	struct fs *fs = self;

	file_locks_end(fs->locks);
	inodes_lock(&fs->inodes);
	fs->ending = true;
	inodes_changed_locked(&fs->inodes);
	inodes_unlock(&fs->inodes);
	layered_ending(fs->cache);
}

void fs_answer_within(struct fs *fs, int64_t limit_ms)
{
	fs->answer_within_ms = limit_ms;
}

void fs_tick(void *self)
{
	struct fs *fs = self;
	int64_t since = time_mono_ms(fs->time) - fs->answer_within_ms;
	unsigned count = file_locks_expire(fs->locks, since);

	if (count > 0)
		log_warning("%u locks were waited for for %lld ms and refused with ENOLCK: the "
			    "kernel would have ended the mount",
			    count, (long long)fs->answer_within_ms);
}

void fs_free(struct fs *fs)
{
	inodes_lock(&fs->inodes);
	fs->notifier = NULL; /* nobody is left to be told */
	inodes_unlock(&fs->inodes);
	handles_fini(fs);
	listings_fini(fs);
	if (fs->cache)
		scratch_rest_end(fs);
	if (fs->cache) { /* each directory would wait for room by itself */
		layered_ending(fs->cache);
		directory_save_all_times(fs);
	}
	if (fs->cache) /* reports what it drops until it is closed */
		layered_close(fs->cache);
	tickets_fini(&fs->inodes);
	inodes_fini(&fs->inodes);
	free(fs->virtual_files);
	if (fs->locks)
		file_locks_free(fs->locks);
	free(fs);
}
