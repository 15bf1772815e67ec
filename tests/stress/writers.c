/* The writing half of the stress test: all ways in which programs set a key. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "children.h"
#include "run_state.h"

static bool tolerated(const struct run *run, int error)
{
	return run->misses_ok && error == ENOENT;
}

static void set_failed(struct run *run, const struct key_state *k, enum how_set how,
		       const char *call)
{
	int error = errno;

	if (!tolerated(run, error))
		violation(run, RULE_SET_FAILED, k, "%s: %s: %s", set_names[how], call,
			  strerror(error));
}

/* Writes all of the buffer, in one write or in several, by one process or by several. NULL, or the
 * call that failed. */
static const char *write_pieces(struct run *run, int fd, size_t size)
{
	if (run->children)
		return write_with_children(fd, run->buffer, size, PIECES_SEVERAL, &run->random)
			       ? NULL
			       : "write";
	size_t piece = random_next(&run->random) % 2
			       ? size
			       : 1 + size / (2 + random_next(&run->random) % 6);

	for (size_t at = 0; at < size;) {
		size_t n = size - at < piece ? size - at : piece;
		ssize_t rc = write(fd, run->buffer + at, n);
		if (rc <= 0)
			return "write";
		at += (size_t)rc;
	}
	return NULL;
}

/* What a set of a whole value needs: its bytes are in the buffer, or it is empty. */
struct whole {
	struct key_state *key;
	uint64_t ticket;
	size_t size;
};

static struct whole whole_begin(struct run *run, struct key_state *k)
{
	struct whole w = { .key = k, .size = record_random_size(&run->random) };

	if (k->group == GROUP_PLACE || k->group == GROUP_MMAP)
		w.size = PLACE_SIZE;
	w.ticket = set_ticket(k);
	if (w.size == 0)
		phase_begin(&k->empty);
	else
		record_fill(run->buffer, w.size, (uint32_t)run->self,
			    (uint64_t)(k - run->shared->table.keys), w.ticket);
	return w;
}

static void whole_end(struct run *run, const struct whole *w, enum how_set how, bool failed)
{
	if (!failed) {
		set_ack(w->key, w->ticket);
		atomic_fetch_add(&run->shared->sets[how], 1);
	}
	if (w->size == 0)
		phase_end(&w->key->empty, failed);
}

static void set_truncate(struct run *run, struct key_state *k, enum how_set how)
{
	struct whole w = whole_begin(run, k);
	const char *failed = NULL;

	set_begin(k, w.ticket);
	int fd = openat(run->dir_fd, k->name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		failed = "open";
	} else {
		failed = write_pieces(run, fd, w.size);
		if (k->group == GROUP_TRUNCATE)
			set_begin(k, w.ticket); /* nothing but close() publishes it */
		if (close(fd) < 0 && !failed)
			failed = "close";
	}
	if (failed)
		set_failed(run, k, how, failed);
	whole_end(run, &w, how, failed != NULL);
}

static void set_subshell(struct run *run, struct key_state *k)
{
	struct whole w = whole_begin(run, k);

	set_begin(k, w.ticket);
	bool ok = set_by_subshell(run->dir_fd, k->name, run->buffer, w.size, &run->random);
	if (!ok)
		set_failed(run, k, SET_SUBSHELL, "sh");
	whole_end(run, &w, SET_SUBSHELL, !ok);
}

/* Of the value of no ticket: who gets any of it got a torn one. */
static void set_killed(struct run *run, struct key_state *k)
{
	size_t size = record_random_size(&run->random);

	if (size == 0)
		return;
	record_fill(run->buffer, size, (uint32_t)run->self, (uint64_t)(k - run->shared->table.keys),
		    0);
	if (set_and_be_killed(run->dir_fd, k->name, run->buffer, size, &run->random))
		atomic_fetch_add(&run->shared->sets[SET_KILLED], 1);
	else
		set_failed(run, k, SET_KILLED, "write");
}

static void set_rename(struct run *run, struct key_state *k)
{
	struct whole w = whole_begin(run, k);
	const char *failed = NULL;
	char temp[64];

	snprintf(temp, sizeof(temp), ".temp-%d", run->self);
	int fd = openat(run->dir_fd, temp, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		failed = "open of the temporary file";
	} else {
		failed = write_pieces(run, fd, w.size);
		if (close(fd) < 0 && !failed)
			failed = "close of the temporary file";
	}
	set_begin(k, w.ticket);
	if (!failed && renameat(run->dir_fd, temp, run->dir_fd, k->name) < 0)
		failed = "rename";
	if (failed)
		set_failed(run, k, SET_RENAME, failed);
	whole_end(run, &w, SET_RENAME, failed != NULL);
}

static void set_unlink_create(struct run *run, struct key_state *k)
{
	uint64_t begin = phase_begin(&k->absent);
	bool failed = unlinkat(run->dir_fd, k->name, 0) < 0;

	if (failed && errno != ENOENT)
		set_failed(run, k, SET_UNLINK_CREATE, "unlink");
	phase_end(&k->absent, failed);
	if (!failed)
		unlink_ack(k, begin);
	if (run->by_rename)
		set_rename(run, k);
	else
		set_truncate(run, k, SET_UNLINK_CREATE);
}

/*
 * An evicted key is set anew, for what is changed in place must be there. By rename: others that
 * write in place would join a key that is only pending.
 */
static void restore(struct run *run, struct key_state *k, int error)
{
	if (tolerated(run, error))
		set_rename(run, k);
}

static void set_place(struct run *run, struct key_state *k)
{
	struct whole w = whole_begin(run, k);
	const char *failed = NULL;

	set_begin(k, w.ticket);
	int fd = openat(run->dir_fd, k->name, random_next(&run->random) % 2 ? O_WRONLY : O_RDWR);
	if (fd < 0) {
		int error = errno;
		set_failed(run, k, SET_PLACE, "open");
		whole_end(run, &w, SET_PLACE, true);
		restore(run, k, error);
		return;
	}
	if (!run->misses_ok) /* else restore() may have replaced what we opened */
		set_begin(k, w.ticket);
	bool ok = run->children
			  ? write_with_children(fd, run->buffer, w.size, PIECES_ONE, &run->random)
			  : pwrite(fd, run->buffer, w.size, 0) == (ssize_t)w.size;
	if (!ok)
		failed = "pwrite";
	if (close(fd) < 0 && !failed)
		failed = "close";
	if (failed)
		set_failed(run, k, SET_PLACE, failed);
	whole_end(run, &w, SET_PLACE, failed != NULL);
}

/* NULL, or the call that failed. */
static const char *rewrite_mapping(struct run *run, int fd, size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	const char *failed = NULL;

	if (map == MAP_FAILED)
		return "mmap";
	size_t half = run->children ? size / 2 : 0;
	if (!copy_guarded(map, run->buffer, half))
		failed = "SIGBUS in the mapping";
	else if (run->children && !child_exits())
		failed = "fork";
	else if (!copy_guarded((char *)map + half, run->buffer + half, size - half))
		failed = "SIGBUS in the mapping";
	else if (random_next(&run->random) % 2 && msync(map, size, MS_SYNC) < 0)
		failed = "msync";
	munmap(map, size);
	return failed;
}

static void set_mmap(struct run *run, struct key_state *k)
{
	int fd = openat(run->dir_fd, k->name, O_RDWR);

	if (fd < 0) {
		int error = errno;
		set_failed(run, k, SET_MMAP, "open");
		restore(run, k, error);
		return;
	}
	struct whole w = whole_begin(run, k);
	set_begin(k, w.ticket);
	const char *failed = rewrite_mapping(run, fd, w.size);
	if (close(fd) < 0 && !failed)
		failed = "close";
	if (failed)
		set_failed(run, k, SET_MMAP, failed);
	whole_end(run, &w, SET_MMAP, failed != NULL);
}

void append_name(const struct key_state *k, uint64_t generation, char name[static 64])
{
	snprintf(name, 64, "%s.%llu", k->name, (unsigned long long)generation);
}

/* A file that has grown enough makes way for the next; the one before it goes. */
static void append_next_generation(struct run *run, struct key_state *k, uint64_t generation)
{
	char name[64];

	if (!atomic_compare_exchange_strong(&k->generation, &generation, generation + 1) ||
	    generation == 0)
		return;
	append_name(k, generation - 1, name);
	if (unlinkat(run->dir_fd, name, 0) < 0 && errno != ENOENT)
		set_failed(run, k, SET_APPEND, "unlink");
}

static void set_append(struct run *run, struct key_state *k)
{
	uint64_t generation = atomic_load(&k->generation);
	_Atomic uint64_t *mine = &k->appended[generation % GENERATIONS][run->self];
	uint64_t last = atomic_load(mine);
	uint64_t count = last >> 32 == generation ? last & UINT32_MAX : 0;
	size_t size = RECORD_MIN + random_next(&run->random) % 1500;
	const char *failed = NULL;
	char name[64];
	struct stat st = { 0 };

	append_name(k, generation, name);
	record_fill(run->buffer, size, (uint32_t)run->self, (uint64_t)(k - run->shared->table.keys),
		    count + 1);
	int fd = openat(run->dir_fd, name, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0) {
		set_failed(run, k, SET_APPEND, "open");
		return;
	}
	if (write(fd, run->buffer, size) != (ssize_t)size || (run->children && !child_exits()))
		failed = "write";
	if (fstat(fd, &st) < 0 && !failed)
		failed = "fstat";
	if (close(fd) < 0 && !failed)
		failed = "close";
	if (failed) {
		set_failed(run, k, SET_APPEND, failed);
		return;
	}
	atomic_store(mine, generation << 32 | (count + 1));
	atomic_fetch_add(&run->shared->sets[SET_APPEND], 1);
	if (st.st_size > APPEND_MAX)
		append_next_generation(run, k, generation);
}

bool writer_owns(const struct run *run, int index)
{
	return run->shared->table.keys[index].group != GROUP_MMAP ||
	       index % run->writers == run->self;
}

static void set_somehow(struct run *run, struct key_state *k)
{
	uint64_t dice = random_next(&run->random);
	bool rename_it = run->by_rename || dice % 2;

	switch (k->group) {
	case GROUP_UNLINK:
		if (dice % 3 == 0) {
			set_unlink_create(run, k);
			break;
		}
		__attribute__((fallthrough));
	case GROUP_WHOLE:
		if (rename_it)
			set_rename(run, k);
		else
			set_truncate(run, k, SET_TRUNCATE);
		break;
	case GROUP_TRUNCATE:
		if (run->children && dice % 8 < 2)
			set_subshell(run, k);
		else if (run->children && dice % 8 < 4)
			set_killed(run, k);
		else
			set_truncate(run, k, SET_TRUNCATE);
		break;
	case GROUP_RENAME:
		set_rename(run, k);
		break;
	case GROUP_PLACE:
		set_place(run, k);
		break;
	case GROUP_MMAP:
		set_mmap(run, k);
		break;
	case GROUP_APPEND:
		set_append(run, k);
		break;
	case GROUP_COUNT:
		break;
	}
}

void writer_loop(struct run *run)
{
	while (!atomic_load(&run->shared->stop)) {
		int index = (int)(random_next(&run->random) %
				  (uint64_t)run->shared->table.key_count);
		if (writer_owns(run, index))
			set_somehow(run, &run->shared->table.keys[index]);
	}
}

bool write_first_values(struct run *run)
{
	for (int i = 0; i < run->shared->table.key_count; i++) {
		struct key_state *k = &run->shared->table.keys[i];
		if (k->group != GROUP_APPEND)
			set_truncate(run, k, SET_TRUNCATE);
	}
	return atomic_load(&run->shared->violations[RULE_SET_FAILED]) == 0;
}
