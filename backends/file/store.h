#ifndef CACHEFS_FILE_STORE_H
#define CACHEFS_FILE_STORE_H

/*
 * The directory of a file layer and what is known of it.
 *
 * An index in memory holds every key with its metadata and the name of its file, in the order of
 * the files' age; the other way round, every file with its key and how it looked when it was read
 * (struct file_look). A file that looks different was written by another program, and is read again
 * before it is believed. A thread builds the index at the start, and then follows the directory by
 * inotify.
 *
 * Changes are made one at a time: file_change_begin() to file_change_end() is a state, not a lock;
 * files are written and read with no lock held. The index's lock is for moments.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "cache.h"
#include "kit/entries.h"
#include "file/entry.h"
#include "kit/free_space.h"
#include "base/lock.h"
#include "kit/unsynced.h"

enum { FILE_NAME_SIZE = 256 }; /* of a file name, with its terminator */

#define FILE_OURS ".cachefs-" /* begins the names of files that are no entries */

struct file_conf {
	char *directory;
	uint64_t max_files; /* 0: no limit */
	char *file_extension;
	bool ensure_directory;
	mode_t mode; /* of the files that are made; 0: 0600 */
	uint64_t min_free; /* free_space.h */
};

/*
 * How a file looks from outside. Another look: another content. But one that another program writes
 * in place may be written again within a tick of the clock, and look the same: while a file was
 * young when it was looked at, its look proves nothing, and it is read again.
 */
struct file_look {
	struct timespec mtime;
	uint64_t size, ino;
	uint64_t hash; /* of a foreign file's text; 0: not known */
	bool young;    /* such a file, read while its mtime was about now */
};

struct file_layer {
	const struct file_conf *conf;
	const struct backend_env *env;
	int dir_fd;
	struct unsynced unsynced;
	struct free_space space; /* of changes */
	atomic_uint_fast64_t temp_number, complained; /* hash of the name last complained of */

	struct lock lock; /* RANK_LAYER; guards: */
	pthread_cond_t turned;
	bool loaded, changing;
	bool moving;            /* a directory is being renamed */
	unsigned waiting;       /* for their turn */
	uint64_t turns;         /* that have begun */
	uint64_t life;          /* moves with whatever is done */
	bool following;         /* somebody reads what inotify tells */
	struct entries entries; /* value: the file's name */
	struct entries files;   /* key: the file's name; value: look and key, see file/store.c */
	struct entries markers;
	struct file_look markers_look; /* of their file, as it was read or written last */
	uint64_t bytes, evictions, expiries;

	pthread_t thread; /* file/watch.c */
	int inotify_fd, wake_fd;
	atomic_bool stopping, unread; /* unread: of some file nobody knows what it holds */
};

/* Waits until the index is there; -EHOSTDOWN: nothing has been done of it for a while. */
int file_wait_loaded(struct file_layer *f);

/* Makes the layer's directory and those that lead to it. 0 or -errno. */
int file_make_directory(const struct file_conf *conf);

/* The one change at a time. -EHOSTDOWN: the one before does nothing any more; nothing to end then. */
int file_change_begin(struct file_layer *f);
void file_change_end(struct file_layer *f);

/*
 * Within a change of very many files, after each: when it has had its time, others have a turn
 * before it goes on. Made with = {0}.
 */
struct file_step {
	int64_t begun_ms;
	int files;
};
void file_change_step(struct file_layer *f, struct file_step *step);

/* Renames of directories, which such a turn must not meet, come one at a time. As begin() and end(),
 * and before them. */
int file_move_begin(struct file_layer *f);
void file_move_end(struct file_layer *f);

/* --- within a change (or while the index is being built) -------------------------------------- */

/* Forgets everything, and tells that it is gone. */
void file_forget_all(struct file_layer *f);

/*
 * Reads the file again if it looks different from what is known (read_again: in any case, and to
 * its end), or forgets it if it is gone. 0, also if it holds no entry, or -errno: nobody knows.
 */
int file_reload(struct file_layer *f, const char *name);
int file_read_again(struct file_layer *f, const char *name);

/*
 * Enters what was read or written, in the place of the entry that it has the age of (KEY_ROOT:
 * none). meta NULL: the file holds no entry, being damaged (key of no bytes) or an older file of
 * the key. 0 or -ENOMEM.
 */
int file_remember(struct file_layer *f, const char *name, const struct file_look *look,
		  struct key key, const struct meta *meta, struct key aged);
void file_forget(struct file_layer *f, const char *name);
int file_remove_file(struct file_layer *f,
		     const char *name); /* the file, and what is known of it */

/* What an item of f->files says; valid while the lock is held. */
struct key file_record_key(const struct entry *file);
struct file_look file_record_look(const struct entry *file);

/*
 * Stores an entry under the name, whatever was there. was: the entry that it has been till now,
 * under this key or (renamed) another one; it takes over its age, and with that its turn to be
 * evicted, in the index as well, where that one comes out; its file, if it has another name, is the
 * caller's to remove. NULL: it is new.
 */
int file_store(struct file_layer *f, const char *name, struct key key, struct value *value,
	       const struct meta *meta, const struct file_origin *was);

/*
 * The text under the name: the old file or the new one at every instant. How it looks comes out. If
 * the directory has been removed it is made anew. On a full disk a text that is no longer than the
 * old one is written over it, so that what takes something out of a list needs no space.
 *
 * Like file_store() it evicts where the disk is full; -ENOSPC, also of a quota: in vain.
 */
int file_write(struct file_layer *f, const char *name, const char *text, size_t size,
	       struct file_look *look);

/* Removes the file that a key is in, any other that holds the key, and what the index says of them.
 */
int file_remove_files(struct file_layer *f, struct key key, const char *name);

/* rename() of struct backend. */
int file_rename_within(struct file_layer *f, struct key from, struct key to);

enum file_reason { FILE_REMOVED, FILE_EVICTED, FILE_EXPIRED };

/* Removes an entry with its file. -ENOENT, or -errno of the file system; an expired one leaves the
 * index in any case. */
int file_drop(struct file_layer *f, struct key key, enum file_reason reason);

/* Evicts the oldest until the limit allows so many entries more. 0 or -errno. file_make_space(): on
 * a full disk, until a file of that size may be written, of an entry (or of none) that is kept;
 * false: nothing was evicted. file_keep_free(): what min_free_mb asks for. file_may_fit(): a file of
 * that size would fit if all others went. See file/evict.c. */
bool file_may_fit(struct file_layer *f, uint64_t size);
int file_make_room(struct file_layer *f, uint64_t more);
bool file_make_space(struct file_layer *f, uint64_t size, struct key kept);
void file_keep_free(struct file_layer *f, struct key kept);

/* Removes some expired entries. */
void file_expire(struct file_layer *f);

/* The name for a key that has none: see file_names(). */
void file_choose_name(struct file_layer *f, struct key key, char name[FILE_NAME_SIZE]);

/* Lists in files of their own: file/lists.c. */
int file_markers_store(struct file_layer *f); /* as they are in the index */
/* As their file has them, if it is not the one that was read or written last: another daemon's. 0,
 * also if there is none, or it is damaged; -errno: nobody knows, and it is not to be overwritten.
 */
int file_markers_refresh(struct file_layer *f);
bool file_is_markers(const char *name);
void file_hits_store(struct file_layer *f); /* when the layer is closed */
void file_hits_load(struct file_layer *f);
int file_move_note(struct file_layer *f, struct key from, struct key to);
int file_move_over(struct file_layer *f);
bool file_move_read(struct file_layer *f, struct key_buffer *from, struct key_buffer *to);

/* Carries out the rename of a directory that was cut off. 0, also when there is none; -errno: it is
 * still to be done. */
int file_move_finish(struct file_layer *f);

/* --- operations of struct backend: file/dirs.c, file/move.c ----------------------------------- */

int file_remove_prefix(void *state, struct key prefix);
int file_check_rename_prefix(void *state, struct key from, struct key to);
int file_rename_prefix(void *state, struct key from, struct key to);
int file_list(void *state, struct key dir, struct key after, bool after_is_dir,
	      struct children *batch);
int file_dir_stat(void *state, struct key dir, struct meta *meta);
int file_dir_set(void *state, struct key dir, const struct meta *meta);
int file_dir_remove(void *state, struct key dir);

/* --- at any time ------------------------------------------------------------------------------ */

/*
 * The two names that a key's file may have: the Python package's, which other keys may have as
 * well, and one with the key's hash. False: only the second (it would be too long).
 */
bool file_names(const struct file_layer *f, struct key key, char plain[FILE_NAME_SIZE],
		char hashed[FILE_NAME_SIZE]);

/* Where another program would put it: the first of them that it may have. */
void file_first_name(const struct file_layer *f, struct key key, char name[FILE_NAME_SIZE]);

/* Whether a directory entry is an entry's file. */
bool file_is_entry(const struct file_layer *f, const char *name);

int file_look_at(int fd, struct file_look *look); /* -EISDIR: it is no regular file */
int file_look_of(struct file_layer *f, const char *name, struct file_look *look);
bool file_looks_same(const struct file_look *a, const struct file_look *b); /* from outside */

/* What is known of a file; false: nothing. */
bool file_known_look(struct file_layer *f, const char *name, struct file_look *look);
bool file_known_look_locked(struct file_layer *f, const char *name, struct file_look *look);

/* Whether the index knows what is under the name, also that nothing is. fresh: also of a file that
 * was young when it was read. */
bool file_is_as_known(struct file_layer *f, const char *name, bool fresh);

/* The whole text of an open file, malloc'ed and terminated. -EFBIG: no entry is so large. */
int file_text(int fd, uint64_t size, char **text);

/* Said once per file, not at every get. */
void file_complain(struct file_layer *f, const char *name, const char *what, const char *then);

int file_forbidden(struct file_layer *f, const char *name); /* the same of -EACCES */

/* --- the thread: file/watch.c ----------------------------------------------------------------- */

/*
 * If the directory has been removed: the one that there is now at its path takes its place, made if
 * need be (make). 0, -EEXIST: it is still there, or -errno. Within a change.
 */
int file_watch_renew(struct file_layer *f, bool make);
bool file_is_removed(struct file_layer *f);

int file_watch_start(struct file_layer *f);
void file_watch_stop(struct file_layer *f);

/* Takes note of all that inotify has told up to now. Not within a change. */
void file_watch_catch_up(struct file_layer *f);

#endif
