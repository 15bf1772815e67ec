#ifndef CACHEFS_FILE_INDEX_H
#define CACHEFS_FILE_INDEX_H

/*
 * What a file layer knows of its files, in memory: every key with its metadata and the name of its
 * file (f->entries, in the order of the files' age); the other way round, every file with its key
 * and how it looked when it was read (f->files). A file that looks different was written by another
 * program, and is read again before it is believed.
 *
 * Takes the layer's lock, but for *_locked(), which wants it held. Only within a change, or before
 * the layer has loaded, is the index written.
 */

#include "file/layer.h"
#include "file/name.h"

/*
 * Enters what was read or written, in the place of the entry that it has the age of (KEY_ROOT:
 * none). meta NULL: the file holds no entry, being damaged (key of no bytes) or an older file of
 * the key. 0 or -ENOMEM.
 */
int file_remember(struct file_layer *f, const char *name, const struct file_look *look,
		  struct key key, const struct meta *meta, struct key aged);

/* Forgets a file, and the entry that it holds. */
void file_forget(struct file_layer *f, const char *name);

/* Removes the file, and what is known of it. 0, also when there is none, or -errno. */
int file_remove_file(struct file_layer *f, const char *name);

/* The file that is known under the name, or that holds the key's entry; NULL: none. */
struct entry *file_known_locked(struct file_layer *f, const char *name);
struct entry *file_of_key_locked(struct file_layer *f, struct key key);

/* What it says; the key, which is empty of a damaged file, is valid while the lock is held. */
struct key file_record_key(const struct entry *file);
struct file_look file_record_look(const struct entry *file);

/* What it is called. */
void file_record_name(const struct entry *file, char name[FILE_NAME_SIZE]);

/* How the file looked that is known under the name; false: none is. */
bool file_known_look(struct file_layer *f, const char *name, struct file_look *look);

/* Whether the index knows what is under the name, also that nothing is. fresh: also of a file that
 * was young when it was read. */
bool file_is_as_known(struct file_layer *f, const char *name, bool fresh);

/* Whether the file is known, and holds the key's entry, or an older one of it. */
bool file_holds(struct file_layer *f, const char *name, struct key key);

#endif
