#ifndef CACHEFS_FILE_LAYER_H
#define CACHEFS_FILE_LAYER_H

/*
 * One layer of type "file": a directory of JSON files, one per entry, and what is known of it. All
 * modules of this room share it; nothing outside does.
 *
 *   file (the type)  watch (the thread)
 *   keys, dirs, move           operations
 *   find                       where a key's entry is
 *   lists                      files that are no entries
 *   write  evict  directory    changes of files; the directory itself
 *   read                       what a file says
 *   index  turn                what is known; whose turn a change is
 *   name  look                 what files are called, how they look
 *
 * Each knows those below it. Changes are made one at a time (file/turn.h); files are written and
 * read with no lock held. The layer's lock is for moments.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "cache.h"
#include "kit/entries.h"
#include "file/look.h"
#include "kit/free_space.h"
#include "base/lock.h"
#include "kit/unsynced.h"

struct file_conf {
	char *directory;
	uint64_t max_files; /* 0: no limit */
	char *file_extension;
	bool ensure_directory;
	mode_t mode;       /* of the files that are made; 0: 0600 */
	uint64_t min_free; /* free_space.h */
};

struct file_layer {
	const struct file_conf *conf;
	const struct backend_env *env;
	int dir_fd; /* keeps its number, so it is used without a lock: file/directory.h */
	struct unsynced unsynced;
	struct free_space space;                      /* of changes */
	atomic_uint_fast64_t temp_number, complained; /* hash of the name last complained of */

	struct lock lock; /* RANK_LAYER; guards what follows */

	/* file/turn.h: */
	pthread_cond_t turned;
	bool loaded, changing;
	pthread_t changer; /* whose change it is */
	bool moving;      /* a directory is being renamed */
	unsigned waiting; /* for their turn */
	uint64_t turns;   /* that have begun */
	uint64_t life;    /* moves with whatever is done */
	bool following;   /* somebody reads what inotify tells: file/watch.h */

	/* file/index.h; only a change writes them, so it reads them without the lock: */
	struct entries entries;        /* value: the file's name */
	struct entries files;          /* key: the file's name; value: look and key */
	uint64_t bytes;                /* of all files */
	struct entries markers;        /* file/lists.h */
	struct file_look markers_look; /* of their file, as it was read or written last */
	uint64_t evictions, expiries;

	/* The thread of file/watch.h: */
	pthread_t thread;
	void (*scanned)(struct file_layer *f, bool complete); /* as it was started with */
	int inotify_fd, wake_fd;
	atomic_bool stopping, unread; /* unread: of some file nobody knows what it holds */
};

/* A layer whose directory is open, with nothing in its index and no thread. 0 or -errno. */
int file_layer_new(const struct file_conf *conf, const struct backend_env *env,
		   struct file_layer **layer);
void file_layer_free(struct file_layer *f); /* closes what is open; the thread has ended */

mode_t file_mode(const struct file_conf *conf); /* of the files that are made */

/* Says of a file what is wrong and what is done then: once, not at every get. At any time. */
void file_complain(struct file_layer *f, const char *name, const char *what, const char *then);

int file_forbidden(struct file_layer *f,
		   const char *name); /* the same of -EACCES, which it returns */

#endif
