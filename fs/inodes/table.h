#ifndef CACHEFS_INODE_TABLE_H
#define CACHEFS_INODE_TABLE_H

/*
 * The inode table: its lock, the condition that waiters wait for, and the graveyard. The graveyard
 * collects what a locked function drops; inodes_unlock() frees it. See inode.h.
 */

#include "base/time_source.h"
#include "inodes/inode.h"
#include "inodes/name.h"

struct ticket;

TAILQ_HEAD(scratch_files, inode);

enum { MADE_KEPT = 64 };

enum { SCRATCH_UIDS = 4096 };

struct inodes {
	const struct time_source *time;
	struct lock lock;
	pthread_cond_t changed; /* signalled when something changed that a waiter may wait for */
	struct inode root;
	const struct view *dir_view, *file_view; /* of the cache's own directories and files */
	struct name **buckets;
	size_t bucket_count, name_count;
	uint64_t clock; /* counts changes of names */
	struct ticket *tickets;
	unsigned moving; /* directory renames under way */
	/* Scratch files. resting: those that could become entries, the longest at rest first;
	 * restless: the others. */
	struct scratch_files resting, restless;
	uint64_t count_rounds; /* of unowned.c */
	uint64_t scratch_count;
	uint32_t scratch_by_uid[SCRATCH_UIDS]; /* by the uid of the maker, modulo SCRATCH_UIDS */
	unsigned scratch_storing;   /* of them, those that are being stored in the layers */
	pthread_cond_t rest_begins; /* the first file rests, or the waiting thread shall end */
	uint64_t moves;             /* directory renames so far */
	bool stopping;
	/* The latest files that mknod(2) made, pinned. The attributes that the maker gives such a
	 * file must outlast the kernel's inode, until the maker opens the file. */
	struct inode *made[MADE_KEPT];
	unsigned made_next;
	struct graveyard *graveyard;
	struct inode *all;     /* all inodes except the root */
	struct end root_end;   /* the root's default_end when its marker has none: a wish (end.h) */
	struct inode *unsaved; /* directories whose dir_mtime is not in their marker yet */
	uint64_t inode_count;
	struct working_copies copies;
};

/* time outlives the table. 0 or -ENOMEM. */
int inodes_init(struct inodes *t, uint64_t heap_max, const struct time_source *time,
		const struct view *dir_view, const struct view *file_view);
void inodes_fini(struct inodes *t); /* after tickets_fini() */
void inodes_lock(struct inodes *t);
void inodes_unlock(struct inodes *t); /* frees what the locked part dropped */

/* Waits for inodes_changed_locked(), at most until deadline. False: the deadline has passed, or the
 * mount stops. */
bool inodes_wait_locked(struct inodes *t, const struct deadline *deadline);
void inodes_changed_locked(struct inodes *t);

uint64_t inode_id(const struct inodes *t, const struct inode *inode);
struct inode *inode_at(struct inodes *t, uint64_t id); /* of an id that the kernel knows */

/* Leave something to inodes_unlock(), which frees it. */
void inodes_bury_value_locked(struct inodes *t, struct value *value); /* NULL is fine */
void inodes_bury_meta_locked(struct inodes *t, struct meta *meta);    /* *meta is empty then */
void inodes_bury_content_locked(struct inodes *t, struct working_copy *copy);
void inodes_bury_inode_locked(struct inodes *t, struct inode *inode);
/* The file of the synced content is removed, unless saved_keep() was called. If a thread uses the
 * file, that thread removes it later. */
void inode_bury_saved_locked(struct inodes *t, struct inode *inode);

#endif
