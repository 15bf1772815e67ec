#ifndef CACHEFS_STATE_WRITER_H
#define CACHEFS_STATE_WRITER_H

/*
 * The state's connection for writing. It commits changes, rebuilds a database whose damage only
 * changes meet, and makes anew what was removed from the directory while the database is open. It
 * belongs to one thread at a time, the one that has called state_writer_own(). Waits for the local
 * disk; call with no lock held.
 */

#include <pthread.h>
#include <stdbool.h>

#include "kit/db.h"
#include "kit/db_files.h"
#include "ledger/state_readers.h"

/* A change that waits for its commit. */
struct state_change {
	int (*apply)(void *self, struct db *db);
	void *self;
	bool adds; /* see state_add() */
	int rc;    /* the result, once it is known */
	bool done; /* for the queue alone */
	struct state_change *next;
};

struct state_writer {
	const char *dir, *path; /* borrowed */
	const struct time_source *time;
	struct state_readers *readers; /* are closed before the database is opened anew */
	int lock_fd;                   /* of the directory; -1: none */
	bool owned;
	pthread_t owner;
	/* for the owner alone: */
	struct db db; /* not open: it could not be opened again */
	struct db_files files;
	unsigned frames; /* of its WAL */
	bool beyond_rebuilding;
	char failure[160]; /* why a commit failed */
};

/* Does not open the database yet, and borrows all arguments. state_writer_fini() lets the lock of
 * the directory go. */
void state_writer_init(struct state_writer *w, const char *dir, const char *path,
		       const struct time_source *time, struct state_readers *readers);
void state_writer_fini(struct state_writer *w);

/* Make the calling thread the owner, or end that. */
void state_writer_own(struct state_writer *w);
void state_writer_disown(struct state_writer *w);

int state_writer_open(struct state_writer *w); /* 0 or -errno */

/* Writes all of the WAL to the database, so that a copy of that file alone is complete, and closes
 * it. */
void state_writer_close(struct state_writer *w);

/* True if the directory, its lock and the files are still those that are open. A thread that keeps
 * the owner out may ask, too. */
bool state_writer_is_well(const struct state_writer *w);

/* Makes missing files anew. 0; 1: some of what was committed is lost; or -errno. Each is logged. */
int state_writer_mend(struct state_writer *w);

/* Commits the changes together, or those that can be, and sets each one's rc. Changes that may be
 * lost with a file that was removed meanwhile are committed once more. */
void state_writer_commit(struct state_writer *w, struct state_change *list);

#endif
