#ifndef CACHEFS_FILE_INDEX_H
#define CACHEFS_FILE_INDEX_H

/*
 * The index of a file layer's files, in memory. f->entries: every key with its metadata and the
 * name of its file, in the order of the files' age. f->files: every file with its key and its look
 * at the last read. If a file looks different, another program has written it, and the layer reads
 * it again before it trusts the index.
 *
 * The functions take the layer's lock, except for *_locked(), whose caller holds it. The index
 * changes only within a change, or before the layer has loaded.
 */

#include "file/layer.h"
#include "file/name.h"

/*
 * Enters a file that was read or written. The entry takes the place of the entry `aged` in the
 * order of age (KEY_ROOT: of none). meta NULL: the file holds no entry, because it is damaged (the
 * key has no bytes) or is an older file of the key. 0 or -ENOMEM.
 */
int file_remember(struct file_layer *f, const char *name, const struct file_look *look,
		  struct key key, const struct meta *meta, struct key aged);

/* Removes a file and its entry from the index. */
void file_forget(struct file_layer *f, const char *name);

/* Removes the file from the directory and the index. 0, also if there is no file, or -errno. */
int file_remove_file(struct file_layer *f, const char *name);

/* file_known_locked(): the indexed file of that name. file_of_key_locked(): the file that holds the
 * key's entry. NULL: there is none. */
struct entry *file_known_locked(struct file_layer *f, const char *name);
struct entry *file_of_key_locked(struct file_layer *f, struct key key);

/* The key and the look in the record of a file. The key is empty for a damaged file, and valid
 * while the lock is held. */
struct key file_record_key(const struct entry *file);
struct file_look file_record_look(const struct entry *file);

/* The name of an indexed file. */
void file_record_name(const struct entry *file, char name[FILE_NAME_SIZE]);

/* The indexed look of the file of that name. False: the index has no such file. */
bool file_known_look(struct file_layer *f, const char *name, struct file_look *look);

/* True if the index is right about the file of that name, also about its absence. fresh: trust the
 * look of a file that was young when it was read. */
bool file_is_as_known(struct file_layer *f, const char *name, bool fresh);

/* True if the index has the file with the key's entry or an older entry of the key. */
bool file_holds(struct file_layer *f, const char *name, struct key key);

#endif
