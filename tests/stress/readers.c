/* The reading half of the stress test: gets in several ways, each judged by the rules of table.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_state.h"

enum { BUFFER_SIZE = VALUE_MAX + 4096 };

/* Reads from the start to the end, in pieces of `piece` bytes at most. The count or -1. */
static ssize_t read_all(int fd, char *buffer, size_t piece)
{
	size_t at = 0;

	while (at < BUFFER_SIZE) {
		size_t n = BUFFER_SIZE - at < piece ? BUFFER_SIZE - at : piece;
		ssize_t rc = pread(fd, buffer + at, n, (off_t)at);
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		at += (size_t)rc;
	}
	return (ssize_t)at;
}

/* Copies the file through a mapping. -1 with errno, EFAULT for a SIGBUS. */
static ssize_t read_mapping(int fd, int map_flags, char *buffer)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size == 0)
		return 0;
	size_t size = st.st_size < BUFFER_SIZE ? (size_t)st.st_size : BUFFER_SIZE;
	void *map = mmap(NULL, size, PROT_READ, map_flags, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	bool copied = copy_guarded(buffer, map, size);
	munmap(map, size);
	if (copied)
		return (ssize_t)size;
	errno = EFAULT;
	return -1;
}

/* The value by one of the ways; -1 when a violation was counted. */
static ssize_t get_bytes(struct run *run, const struct key_state *k, int fd, enum how_get how)
{
	size_t piece = how == GET_CHUNKS ? 1 + 2 * (random_next(&run->random) % 20000)
					 : BUFFER_SIZE;
	int map_flags = random_next(&run->random) % 2 ? MAP_SHARED : MAP_PRIVATE;
	ssize_t size = how == GET_MMAP ? read_mapping(fd, map_flags, run->buffer)
				       : read_all(fd, run->buffer, piece);

	if (size < 0) {
		violation(run, errno == EFAULT ? RULE_SIGBUS : RULE_ERRNO, k, "%s: %s",
			  get_names[how], errno == EFAULT ? "SIGBUS" : strerror(errno));
		return -1;
	}
	if (how == GET_TWICE) {
		sched_yield();
		ssize_t again = read_all(fd, run->other, 8191);
		if (again != size || memcmp(run->buffer, run->other, (size_t)size) != 0) {
			violation(run, RULE_CHANGED, k,
				  "two reads by one handle: %zd bytes, then %zd%s", size, again,
				  again == size ? " others" : "");
			return -1;
		}
	}
	if (how == GET_FSTAT) {
		struct stat st;
		if (fstat(fd, &st) < 0 || st.st_size != size) {
			violation(run, RULE_SIZE, k, "fstat says %lld bytes, read gave %zd",
				  (long long)st.st_size, size);
			return -1;
		}
	}
	return size;
}

static void judge_whole(struct run *run, struct key_state *k, const struct key_view *view,
			size_t size, enum how_get how)
{
	struct record r;

	if (size == 0) {
		if (k->group == GROUP_PLACE || k->group == GROUP_MMAP)
			violation(run, RULE_TORN, k, "%s: empty, and never was", get_names[how]);
		else if (!empty_is_fair(k, view))
			violation(run, RULE_STALE, k, "%s: empty, but a later set was acknowledged",
				  get_names[how]);
		return;
	}
	const char *wrong = record_check(run->buffer, size, &r);
	if (!wrong && r.size != size)
		wrong = "longer than its record";
	if (!wrong && r.key != (uint64_t)(k - run->shared->table.keys))
		wrong = "another key's value";
	if (wrong)
		violation(run, RULE_TORN, k,
			  "%s: %zu bytes: %s (writer %u, ticket %llu, size %llu)", get_names[how],
			  size, wrong, r.writer, (unsigned long long)r.ticket,
			  (unsigned long long)r.size);
	else if (!ticket_is_fair(k, view, r.ticket))
		violation(run, RULE_STALE, k, "%s: ticket %llu of writer %u; %llu were drawn",
			  get_names[how], (unsigned long long)r.ticket, r.writer,
			  (unsigned long long)atomic_load(&k->next_ticket));
}

static void get_whole(struct run *run, struct key_state *k, enum how_get how)
{
	struct key_view view;

	key_look(k, &view);
	int fd = openat(run->dir_fd, k->name, O_RDONLY);
	if (fd < 0 && errno == ENOENT) {
		atomic_fetch_add(&run->shared->misses, 1);
		if (!run->misses_ok && (k->group != GROUP_UNLINK || !absent_is_fair(k, &view)))
			violation(run, RULE_MISSING, k, "open for a get");
		return;
	}
	if (fd < 0) {
		violation(run, RULE_ERRNO, k, "open for a get: %s", strerror(errno));
		return;
	}
	ssize_t size = get_bytes(run, k, fd, how);
	if (size >= 0)
		judge_whole(run, k, &view, (size_t)size, how);
	if (close(fd) < 0)
		violation(run, RULE_ERRNO, k, "close of a get: %s", strerror(errno));
}

/* Counts the records of each writer; false when they are not whole and in each writer's order. */
static bool parse_appended(struct run *run, const struct key_state *k, size_t size, uint64_t last[])
{
	for (size_t at = 0; at < size;) {
		struct record r;
		const char *wrong = record_check(run->buffer + at, size - at, &r);
		if (!wrong &&
		    (r.writer >= WRITERS_MAX || r.key != (uint64_t)(k - run->shared->table.keys)))
			wrong = "another key's record";
		if (!wrong && last[r.writer] + 1 != r.ticket &&
		    !(run->misses_ok && last[r.writer] == 0))
			wrong = "not the writer's next record";
		if (wrong) {
			violation(run, RULE_TORN, k,
				  "appended, at %zu of %zu: %s (writer %u, record %llu)", at, size,
				  wrong, r.writer, (unsigned long long)r.ticket);
			return false;
		}
		last[r.writer] = r.ticket;
		at += (size_t)r.size;
	}
	return true;
}

static void judge_appended(struct run *run, const struct key_state *k, size_t size,
			   const uint64_t acked[])
{
	uint64_t last[WRITERS_MAX] = { 0 };

	if (!parse_appended(run, k, size, last))
		return;
	for (int w = 0; w < run->writers; w++)
		if (last[w] < acked[w] && !(run->misses_ok && last[w] == 0))
			violation(run, RULE_LOST_APPEND, k,
				  "writer %d: %llu records, %llu were acknowledged", w,
				  (unsigned long long)last[w], (unsigned long long)acked[w]);
}

static void get_appended(struct run *run, struct key_state *k, enum how_get how)
{
	uint64_t generation = atomic_load(&k->generation);
	uint64_t acked[WRITERS_MAX] = { 0 }, any = 0;
	char name[64];

	for (int w = 0; w < run->writers; w++) {
		uint64_t a = atomic_load(&k->appended[generation % GENERATIONS][w]);
		acked[w] = a >> 32 == generation ? a & UINT32_MAX : 0;
		any |= acked[w];
	}
	append_name(k, generation, name);
	int fd = openat(run->dir_fd, name, O_RDONLY);
	if (fd < 0) {
		atomic_fetch_add(&run->shared->misses, 1);
		if (errno != ENOENT)
			violation(run, RULE_ERRNO, k, "open for a get: %s", strerror(errno));
		else if (any && !run->misses_ok && atomic_load(&k->generation) < generation + 2)
			violation(run, RULE_MISSING, k, "open of %s for a get", name);
		return;
	}
	ssize_t size = get_bytes(run, k, fd, how);
	if (size >= 0)
		judge_appended(run, k, (size_t)size, acked);
	close(fd);
}

/* A peek: only that it finds the key. */
static void look_at(struct run *run, struct key_state *k)
{
	struct key_view view;
	struct stat st;

	key_look(k, &view);
	if (fstatat(run->dir_fd, k->name, &st, 0) == 0)
		return;
	if (errno != ENOENT)
		violation(run, RULE_ERRNO, k, "stat: %s", strerror(errno));
	else if (!run->misses_ok && (k->group != GROUP_UNLINK || !absent_is_fair(k, &view)))
		violation(run, RULE_MISSING, k, "stat");
}

void reader_loop(struct run *run)
{
	struct shared *s = run->shared;

	while (!atomic_load(&s->stop)) {
		struct key_state *k =
			&s->table.keys[random_next(&run->random) % (uint64_t)s->table.key_count];
		enum how_get how = (enum how_get)(random_next(&run->random) % GET_COUNT);

		atomic_fetch_add(&s->get_kinds[how], 1);
		if (how == GET_STAT) {
			if (k->group != GROUP_APPEND)
				look_at(run, k);
			continue;
		}
		if (k->group == GROUP_APPEND)
			get_appended(run, k, how);
		else
			get_whole(run, k, how);
		if (atomic_fetch_add(&s->gets, 1) + 1 >= run->get_target)
			atomic_store(&s->stop, 1);
	}
}
