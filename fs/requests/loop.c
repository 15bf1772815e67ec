/*
 * The request loop: a crew whose leader reads requests. The thread that read a request handles it,
 * so no two threads share its buffer. The thread that calls loop_run() serves no request: it waits
 * for the end and ends the loop.
 */

#include "requests/loop.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/waiting.h"
#include "requests/crew.h"
#include "requests/late.h"
#include "requests/owed.h"
#include "stack/afterwards.h"

enum {
	REPEAT_MS = 10, /* between calls of wake() */
	RETRY_MS = 100, /* to make a thread again, after that failed */
	TICK_MS = 1000, /* between looks at what is late, or a tenth of the limit */
};

/* What a thread of the crew has for itself. */
struct worker {
	struct loop *loop;
	struct member *member;
	struct fuse_buf buf;
	struct late_request now; /* late.c's */
};

struct loop {
	struct fuse_session *se;
	const struct time_source *time;
	struct crew *crew;
	_Atomic(bool) stopping; /* set by loop_stop */
	struct late *late;      /* NULL: a request may take its time */
	int64_t tick_ms;
	struct request_counts counts;
};

static void worker_live(void *self, struct member *member);

/* A thread that goes on with what has been answered: what nobody reads is late as well. */
static unsigned lost_threads(void *self)
{
	const struct loop *loop = self;
	return loop->late != NULL ? late_count(loop->late) : 0;
}

struct loop *loop_new(struct fuse_session *se, unsigned threads_max, const struct time_source *time)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL)
		return NULL;
	const struct crew_conf conf = {
		.threads_max = threads_max,
		.live = worker_live,
		.lost = lost_threads,
		.self = loop,
		.counts = &loop->counts,
		.time = time,
	};
	loop->se = se;
	loop->time = time;
	loop->crew = crew_new(&conf);
	if (loop->crew == NULL) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	crew_free(loop->crew);
	late_free(loop->late);
	free(loop);
}

int loop_answer_within(struct loop *loop, int64_t limit_ms)
{
	loop->late = late_new(loop->se, loop->time, limit_ms);
	loop->tick_ms = limit_ms < 10 * TICK_MS ? limit_ms / 10 + 1 : TICK_MS;
	return loop->late != NULL ? 0 : -ENOMEM;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	crew_notice(loop->crew);
}

const struct request_counts *loop_counts(const struct loop *loop)
{
	return &loop->counts;
}

/* ---- serving ---- */

/* > 0: a request is in w->buf; 0: the end; otherwise -errno. */
static int worker_receive(struct worker *w)
{
	struct loop *loop = w->loop;
	int rc;
	do {
		if (atomic_load(&loop->stopping) || fuse_session_exited(loop->se))
			return 0;
		crew_blocks(w->member, true);
		rc = fuse_session_receive_buf(loop->se, &w->buf);
		crew_blocks(w->member, false);
	} while (rc == -EINTR || rc == -EAGAIN || rc == -ENOENT);
	return rc == -ENODEV ? 0 : rc;
}

static void count_request(struct loop *loop, const struct fuse_buf *buf)
{
	const struct fuse_in_header *in = buf->mem;
	bool whole = !(buf->flags & FUSE_BUF_IS_FD) && buf->size >= sizeof(*in);
	request_counts_add(&loop->counts, whole ? in->opcode : 0);
}

/* Before a read: if nothing is there, what comes next has not waited. */
static void look_for_unread(struct loop *loop)
{
	struct pollfd queue = { .fd = fuse_session_fd(loop->se), .events = POLLIN };
	if (crew_vacant_since_ms(loop->crew) != 0 && poll(&queue, 1, 0) == 0)
		crew_was_vacant(loop->crew);
}

/* Since when the request that has just been read may have been in the kernel's queue. */
static int64_t came_at_ms(struct loop *loop)
{
	int64_t since = crew_vacant_since_ms(loop->crew);
	return since != 0 ? since : time_mono_ms(loop->time);
}

/* One request, by the leader. False: there will be no more. */
static bool worker_serve(struct worker *w)
{
	struct loop *loop = w->loop;
	if (loop->late != NULL)
		look_for_unread(loop);
	int rc = worker_receive(w);
	if (rc <= 0) {
		crew_end(w->member, rc);
		return false;
	}
	count_request(loop, &w->buf);
	if (loop->late != NULL)
		late_serve(loop->late, &w->now, &w->buf, came_at_ms(loop));
	else
		owed_process(loop->se, &w->buf);
	afterwards_run();
	return true;
}

/* Of 1 MiB, while it only stands by. */
static void worker_drop_buffer(void *self)
{
	struct worker *w = self;
	free(w->buf.mem);
	w->buf = (struct fuse_buf){ 0 };
}

static void worker_live(void *self, struct member *member)
{
	struct worker w = { .loop = self, .member = member };
	waiting_set_hook(crew_leave, member);
	afterwards_collect(true);
	while (worker_serve(&w) && crew_goes_on(member, worker_drop_buffer, &w))
		;
	waiting_set_hook(NULL, NULL);
	if (w.loop->late != NULL)
		late_leave(w.loop->late, &w.now);
	free(w.buf.mem);
}

/* ---- the end ---- */

static void loop_tick(struct loop *loop, const struct loop_hooks *hooks)
{
	if (loop->late == NULL)
		return;
	late_look(loop->late);
	hooks->tick(hooks->self);
	if (late_count(loop->late) > 0)
		crew_appoint(loop->crew);
}

/* Until the session has ended or loop_stop; the crew's descriptor says when to look. */
static void loop_await_end(struct loop *loop, const struct loop_hooks *hooks)
{
	const int idle_ms = loop->late != NULL ? (int)loop->tick_ms : -1;
	struct pollfd look = { .fd = crew_fd(loop->crew), .events = POLLIN };
	for (;;) {
		uint64_t count;
		enum crew_state state = crew_state(loop->crew);
		if (state == CREW_ENDS || atomic_load(&loop->stopping))
			return;
		int ready = poll(&look, 1, state == CREW_STARVES ? RETRY_MS : idle_ms);
		loop_tick(loop, hooks);
		if (ready > 0 && read(look.fd, &count, sizeof(count)) < 0)
			continue; /* nothing there: look again all the same */
		if (ready == 0 && state == CREW_STARVES)
			crew_retry(loop->crew);
	}
}

int loop_run(struct loop *loop, int64_t drain_ms, const struct loop_hooks *hooks)
{
	int rc = crew_start(loop->crew);
	if (rc < 0)
		return rc;
	loop_await_end(loop, hooks);
	hooks->ending(hooks->self);
	crew_dismiss(loop->crew);
	bool all = crew_await(loop->crew, drain_ms);
	if (!all)
		log_warning("shutting down: %u requests still wait after %lld ms; waking them",
			    atomic_load(&loop->counts.waiting), (long long)drain_ms);
	while (!all) {
		hooks->wake(hooks->self);
		all = crew_await(loop->crew, REPEAT_MS);
	}
	rc = crew_join(loop->crew);
	fuse_session_exit(loop->se);
	return rc;
}
