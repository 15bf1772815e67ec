#ifndef CACHEFS_LISTING_H
#define CACHEFS_LISTING_H

/*
 * An open directory. It streams the children from the layers, and remembers the names that it has
 * given out. So a cookie (the position behind a name, see cookies.h) stays valid until close,
 * whatever changes. Not thread-safe: the kernel serialises readdir on one open directory.
 */

#include "verbs/fs_state.h"

struct listing;

/* One name given out. Borrowed until the next call. */
struct listing_entry {
	struct key name; /* as the kernel knows it: see key_escape.h */
	mode_t type;     /* S_IFREG, S_IFDIR or S_IFLNK */
	uint64_t ino;
	const struct meta *meta; /* of an entry or marker; NULL: only the fields above are known */
	struct key part;    /* with meta: the part of the name; no bytes: a directory's value */
	uint64_t listed_at; /* the table's clock when the layers were asked; 0: pending or
			       remembered */
	uint64_t cookie;    /* the position behind it, COOKIE_FIRST or more */
};

/* dir: a directory whose view (view.h) has keys. 0 or -ENOMEM. */
int listing_open(struct fs *fs, struct inode *dir, struct listing **listing);
void listing_close(struct listing *listing);

/* Closes the listings that the kernel will not close any more. */
void listings_fini(struct fs *fs);

/* rewinddir(3): the next calls see what has changed since. */
void listing_rewind(struct listing *listing);

/* The entry at a cookie (0: the first); 1, 0 at the end, or -errno. */
int listing_at(struct listing *listing, uint64_t cookie, struct listing_entry *entry);

#endif
