#ifndef CACHEFS_FILE_LAYER_H
#define CACHEFS_FILE_LAYER_H

/*
 * One layer of type "file": a directory of JSON files, one per entry, and an index of these files.
 * All modules of this room share the struct; no other room does.
 *
 *   file (the type)  watch (the thread)
 *   keys, dirs, move           operations
 *   find                       the file of a key's entry
 *   lists                      files that are no entries
 *   write  evict  directory    changes of files; the directory itself
 *   read                       reads files into the index
 *   index  turn                the index; one change at a time
 *   name  look                 the names of files, and how files look
 *
 * Each module knows the modules below it. The layer makes one change at a time (file/turn.h), and
 * reads and writes files with no lock held. A thread holds the layer's lock only for a moment.
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
	int dir_fd; /* its number never changes, so no lock is needed: file/directory.h */
	struct unsynced unsynced;
	struct free_space space;                      /* of changes */
	atomic_uint_fast64_t temp_number, complained; /* complained: hash of the last name */

	struct lock lock; /* RANK_LAYER; guards what follows */

	/* file/turn.h: */
	pthread_cond_t turned;
	bool loaded, changing;
	pthread_t changer; /* the thread of the change */
	bool moving;       /* a directory is being renamed */
	unsigned waiting;  /* threads that wait for a turn */
	uint64_t turns;    /* turns that have begun */
	uint64_t life;     /* grows with each finished piece of work */
	bool following;    /* a thread reads events of inotify: file/watch.h */

	/* file/index.h. Only a change writes these, so a change reads them without the lock: */
	struct entries entries;        /* value: the file's name */
	struct entries files;          /* key: the file's name; value: look and key */
	uint64_t bytes;                /* of all files */
	struct entries markers;        /* file/lists.h */
	struct file_look markers_look; /* the look of their file at the last read or write */
	uint64_t evictions, expiries;

	/* The thread of file/watch.h: */
	pthread_t thread;
	void (*scanned)(struct file_layer *f, bool complete); /* of file_watch_start() */
	int inotify_fd, wake_fd;
	atomic_bool stopping, unread; /* unread: the content of some file is unknown */
};

/* Makes a layer with its directory open, an empty index and no thread. 0 or -errno. */
int file_layer_new(const struct file_conf *conf, const struct backend_env *env,
		   struct file_layer **layer);
void file_layer_free(struct file_layer *f); /* closes its files; its thread has ended */

mode_t file_mode(const struct file_conf *conf); /* of the files that are made */

/* Logs the problem with a file and its consequence: once, not at every get. At any time. */
void file_complain(struct file_layer *f, const char *name, const char *what, const char *then);

int file_forbidden(struct file_layer *f, const char *name); /* logs and returns -EACCES */

#endif
