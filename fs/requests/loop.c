/*
 * The request loop: leader and followers.
 *
 * At most one thread, loop.leader, reads. It loses the lead only by its own doing: in
 * worker_leave(), when a handler is about to wait, or at the end. The lead is then given to a
 * thread that stands by, or to a new one, or lies vacant until a handler is done. What matters:
 *  1. Vacant (leader NULL, not ending) implies that nobody stands by: who becomes idle looks first.
 *  2. A request is handled by the thread that read it, so its buffer is never shared.
 *  3. With one client nobody but the leader runs, and takes no lock: a wake-up on another CPU costs
 *     more than all the rest of a request.
 * The thread that calls loop_run serves nothing. It waits for the end and brings it about, because
 * one signal can be lost just before a read: somebody has to repeat it.
 */

#include "requests/loop.h"

#include <assert.h>
#include <errno.h>
#include <linux/fuse.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stack/afterwards.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/waiting.h"
#include "requests/late.h"

enum {
	SIGNAL_WAKE = SIGUSR2, /* makes a blocked read return EINTR */
	STANDBY_BUFFERS = 8,   /* so many idle threads keep their buffer, of 1 MiB each */
	REPEAT_MS = 10,        /* between signals, and between calls of wake() */
	RETRY_MS = 100,        /* to make a thread again, after that failed */
	FUTEX_WAIT_S = 60,
	TICK_MS = 1000,       /* between looks at what is late, or a tenth of the limit */
	REPLACED_AT_MOST = 3, /* threads that are late, as a multiple of threads_max */
};

enum order { ORDER_STAND_BY, ORDER_LEAD, ORDER_END };

struct worker {
	struct loop *loop;
	struct worker *next;     /* in loop.workers; fixed once there */
	struct worker *below;    /* in loop.standby; guarded by loop.lock */
	pthread_t thread;        /* guarded by loop.lock until `started` */
	bool started;            /* guarded by loop.lock */
	bool leads;              /* its own */
	struct fuse_buf buf;     /* its own */
	_Atomic(uint32_t) order; /* enum order, a futex */
	_Atomic(bool) reading;   /* blocked in the kernel, or about to be */
	struct late_request now; /* late.c's */
};

struct loop {
	struct fuse_session *se;
	const struct time_source *time;
	unsigned threads_max;
	int wake_fd;            /* an eventfd: loop_run's thread has something to look at */
	_Atomic(bool) stopping; /* set by loop_stop */
	struct late *late;      /* NULL: a request may take its time */
	int64_t tick_ms;
	/* When nobody read any more; 0: all has been read since. */
	_Atomic(int64_t) unread_since_ms;

	struct lock lock;       /* RANK_LOOP; guards what follows */
	pthread_cond_t changed; /* leader or running */
	struct worker *leader;  /* NULL: vacant */
	struct worker *standby; /* the last to come is the first to go: its cache is warm */
	unsigned standby_count;
	struct worker *workers;
	unsigned running; /* threads that have not returned */
	bool starving;    /* vacant because no thread could be made */
	bool warned;      /* said so in the log */
	bool ending;      /* nobody leads any more */
	int rc;

	struct request_counts counts;
};

static void *worker_main(void *arg);

struct loop *loop_new(struct fuse_session *se, unsigned threads_max,
		      const struct time_source *time)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (loop == NULL)
		return NULL;
	loop->se = se;
	loop->time = time;
	loop->threads_max = threads_max < 2 ? 2 : threads_max;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0) {
		free(loop);
		return NULL;
	}
	lock_init(&loop->lock, RANK_LOOP);
	condition_init(&loop->changed);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(loop->workers == NULL);
	late_free(loop->late);
	pthread_cond_destroy(&loop->changed);
	lock_fini(&loop->lock);
	close(loop->wake_fd);
	free(loop);
}

int loop_answer_within(struct loop *loop, int64_t limit_ms)
{
	loop->late = late_new(loop->se, loop->time, limit_ms);
	loop->tick_ms = limit_ms < 10 * TICK_MS ? limit_ms / 10 + 1 : TICK_MS;
	return loop->late != NULL ? 0 : -ENOMEM;
}

/* Async-signal-safe. */
static void loop_notice(struct loop *loop)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t written = write(loop->wake_fd, &one, sizeof(one));
	(void)written; /* EAGAIN: the counter is full, so it is readable */
	errno = saved;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	loop_notice(loop);
}

/* ---- giving and taking the lead ---- */

static void worker_order(struct worker *w, enum order order)
{
	atomic_store_explicit(&w->order, order, memory_order_release);
	syscall(SYS_futex, &w->order, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static struct worker *standby_pop_locked(struct loop *loop)
{
	struct worker *w = loop->standby;
	if (w != NULL) {
		loop->standby = w->below;
		loop->standby_count--;
	}
	return w;
}

static void loop_end_locked(struct loop *loop, int rc)
{
	if (!loop->ending)
		loop->rc = rc;
	loop->ending = true;
	loop->leader = NULL;
	pthread_cond_broadcast(&loop->changed);
}

/* All signals but ours and those of a fault go to other threads. */
static void worker_signals(sigset_t *set)
{
	static const int open_to[] = { SIGNAL_WAKE, SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				       SIGABRT,     SIGTRAP, SIGPROF, SIGSYS };
	sigfillset(set);
	for (size_t i = 0; i < sizeof(open_to) / sizeof(open_to[0]); i++)
		sigdelset(set, open_to[i]);
}

static int worker_start(struct worker *w, pthread_t *thread)
{
	sigset_t blocked;
	sigset_t before;
	worker_signals(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int error = pthread_create(thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

/* One that goes on with what has been answered is replaced: what nobody reads is late as well. */
static unsigned threads_allowed(const struct loop *loop)
{
	unsigned late = loop->late != NULL ? late_count(loop->late) : 0;
	unsigned most = loop->threads_max * REPLACED_AT_MOST;
	return loop->threads_max + (late < most ? late : most);
}

/* A new thread to lead. It is loop.leader from here on, so nobody takes the lead meanwhile. */
static struct worker *leader_reserve_locked(struct loop *loop)
{
	if (loop->running >= threads_allowed(loop))
		return NULL; /* the first handler that is done will lead */
	struct worker *w = calloc(1, sizeof(*w));
	if (w == NULL) {
		loop->starving = true;
		return NULL;
	}
	w->loop = loop;
	w->leads = true;
	loop->running++;
	loop->leader = w;
	return w;
}

static int leader_start(struct loop *loop, struct worker *w)
{
	pthread_t thread;
	int rc = worker_start(w, &thread);
	lock_take(&loop->lock);
	if (rc == 0) {
		w->thread = thread;
		w->started = true;
		w->next = loop->workers;
		loop->workers = w;
		loop->starving = false;
		atomic_fetch_add_explicit(&loop->counts.threads, 1, memory_order_relaxed);
	} else {
		loop->running--;
		loop->leader = NULL;
		loop->starving = true;
	}
	bool warn = rc < 0 && !loop->warned;
	loop->warned = loop->warned || warn;
	lock_release(&loop->lock);
	if (warn)
		log_warning("no thread for the next request: %s; trying again, meanwhile requests "
			    "queue",
			    strerror(-rc));
	if (rc < 0)
		free(w);
	return rc;
}

/* Nobody reads: what comes now may have waited since this moment when it is read. */
static void note_unread(struct loop *loop)
{
	int64_t none = 0;
	if (loop->late != NULL)
		atomic_compare_exchange_strong(&loop->unread_since_ms, &none,
					       time_mono_ms(loop->time));
}

/*
 * Finds somebody to lead, if nobody does. When no thread can be made it takes those who came to
 * stand by while we tried; else loop_run's thread tries again (loop.starving).
 */
static void loop_appoint(struct loop *loop)
{
	int rc;
	bool starving;
	do {
		struct worker *idle = NULL;
		struct worker *fresh = NULL;
		rc = 0;
		lock_take(&loop->lock);
		if (loop->leader == NULL && !loop->ending) {
			idle = standby_pop_locked(loop);
			if (idle != NULL)
				loop->leader = idle;
			else if (!loop->starving)
				fresh = leader_reserve_locked(loop);
		}
		starving = loop->starving;
		if (loop->leader == NULL)
			note_unread(loop);
		lock_release(&loop->lock);
		if (idle != NULL)
			worker_order(idle, ORDER_LEAD);
		else if (fresh != NULL)
			rc = leader_start(loop, fresh);
	} while (rc < 0);
	if (starving)
		loop_notice(loop);
}

/* The hook: this thread's handler is about to wait. Once per request. */
static void worker_leave(void *self)
{
	struct worker *w = self;
	struct loop *loop = w->loop;
	if (!w->leads)
		return;
	w->leads = false;
	atomic_fetch_add_explicit(&loop->counts.waiting, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&loop->counts.handovers, 1, memory_order_relaxed);
	lock_take(&loop->lock);
	assert(loop->leader == w || loop->ending);
	loop->leader = NULL;
	lock_release(&loop->lock);
	loop_appoint(loop);
}

static enum order worker_await_order(struct worker *w)
{
	static const struct timespec timeout = { .tv_sec = FUTEX_WAIT_S };
	uint32_t order;
	while ((order = atomic_load_explicit(&w->order, memory_order_acquire)) == ORDER_STAND_BY)
		syscall(SYS_futex, &w->order, FUTEX_WAIT_PRIVATE, ORDER_STAND_BY, &timeout, NULL,
			0);
	return (enum order)order;
}

/* After a request that gave the lead away. True: leads again; false: this thread is to end. */
static bool worker_stand_by(struct worker *w)
{
	struct loop *loop = w->loop;
	unsigned idle = 0;
	atomic_fetch_sub_explicit(&loop->counts.waiting, 1, memory_order_relaxed);
	atomic_store_explicit(&w->order, ORDER_STAND_BY, memory_order_relaxed);

	lock_take(&loop->lock);
	bool ending = loop->ending;
	if (!ending && loop->leader == NULL) {
		loop->leader = w;
		loop->starving = false;
		w->leads = true;
	} else if (!ending) {
		w->below = loop->standby;
		loop->standby = w;
		idle = ++loop->standby_count;
	}
	lock_release(&loop->lock);

	if (ending || w->leads)
		return !ending;
	if (idle > STANDBY_BUFFERS) {
		free(w->buf.mem);
		w->buf = (struct fuse_buf){ 0 };
	}
	w->leads = worker_await_order(w) == ORDER_LEAD;
	return w->leads;
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
		atomic_store_explicit(&w->reading, true, memory_order_relaxed);
		rc = fuse_session_receive_buf(loop->se, &w->buf);
		atomic_store_explicit(&w->reading, false, memory_order_relaxed);
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
	if (atomic_load(&loop->unread_since_ms) != 0 && poll(&queue, 1, 0) == 0)
		atomic_store(&loop->unread_since_ms, 0);
}

/* Since when the request that has just been read may have been in the kernel's queue. */
static int64_t came_at_ms(struct loop *loop)
{
	int64_t since = atomic_load(&loop->unread_since_ms);
	return since != 0 ? since : time_mono_ms(loop->time);
}

/* One request, by the leader. False: there will be no more. */
static bool worker_serve(struct worker *w)
{
	struct loop *loop = w->loop;
	look_for_unread(loop);
	int rc = worker_receive(w);
	if (rc <= 0) {
		lock_take(&loop->lock);
		loop_end_locked(loop, rc);
		lock_release(&loop->lock);
		loop_notice(loop);
		return false;
	}
	count_request(loop, &w->buf);
	if (loop->late != NULL)
		late_serve(loop->late, &w->now, &w->buf, came_at_ms(loop));
	else
		fuse_session_process_buf(loop->se, &w->buf);
	afterwards_run();
	return true;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct loop *loop = w->loop;
	bool goes_on = true;
	waiting_set_hook(worker_leave, w);
	afterwards_collect(true);
	while (goes_on) {
		goes_on = worker_serve(w);
		if (goes_on && !w->leads)
			goes_on = worker_stand_by(w);
	}
	waiting_set_hook(NULL, NULL);
	free(w->buf.mem);

	lock_take(&loop->lock);
	loop->running--;
	pthread_cond_broadcast(&loop->changed);
	lock_release(&loop->lock);
	return NULL;
}

/* ---- the end ---- */

static void on_wake_signal(int number)
{
	(void)number;
}

/* Without SA_RESTART, and left installed: another loop of this process may need it. */
static int wake_signal_install(void)
{
	struct sigaction action = { .sa_handler = on_wake_signal };
	sigemptyset(&action.sa_mask);
	return sigaction(SIGNAL_WAKE, &action, NULL) == 0 ? 0 : -errno;
}

static void loop_retry_appointment(struct loop *loop)
{
	lock_take(&loop->lock);
	loop->starving = false;
	lock_release(&loop->lock);
	loop_appoint(loop);
}

static void loop_tick(struct loop *loop, const struct loop_hooks *hooks)
{
	if (loop->late == NULL)
		return;
	late_look(loop->late);
	hooks->tick(hooks->self);
	if (late_count(loop->late) > 0)
		loop_appoint(loop);
}

/* Until the session has ended or loop_stop; the eventfd says when to look. */
static void loop_await_end(struct loop *loop, const struct loop_hooks *hooks)
{
	const int idle_ms = loop->late != NULL ? (int)loop->tick_ms : -1;
	for (;;) {
		uint64_t count;
		lock_take(&loop->lock);
		bool over = loop->ending || atomic_load(&loop->stopping);
		bool starving = loop->starving;
		lock_release(&loop->lock);
		if (over)
			return;
		struct pollfd look = { .fd = loop->wake_fd, .events = POLLIN };
		int ready = poll(&look, 1, starving ? RETRY_MS : idle_ms);
		loop_tick(loop, hooks);
		if (ready > 0 && read(loop->wake_fd, &count, sizeof(count)) < 0)
			continue; /* nothing there: look again all the same */
		if (ready == 0 && starving)
			loop_retry_appointment(loop);
	}
}

/* The leader may be on its way into the read when the signal comes: repeat it. */
static void loop_recall_leader(struct loop *loop)
{
	lock_take(&loop->lock);
	while (!loop->ending) {
		struct worker *w = loop->leader;
		struct deadline again = deadline_in(loop->time, REPEAT_MS);
		if (w == NULL) {
			loop_end_locked(loop, 0);
			break;
		}
		if (w->started && atomic_load_explicit(&w->reading, memory_order_relaxed))
			pthread_kill(w->thread, SIGNAL_WAKE);
		condition_wait_until(&loop->changed, &loop->lock, &again);
	}
	lock_release(&loop->lock);
}

static void loop_dismiss_standby(struct loop *loop)
{
	lock_take(&loop->lock);
	struct worker *w = loop->standby;
	loop->standby = NULL;
	loop->standby_count = 0;
	lock_release(&loop->lock);
	while (w != NULL) {
		struct worker *below = w->below;
		worker_order(w, ORDER_END);
		w = below;
	}
}

/* Whether all threads have returned, waiting at most ms. */
static bool loop_await_threads(struct loop *loop, int64_t ms)
{
	struct deadline deadline = deadline_in(loop->time, ms);
	lock_take(&loop->lock);
	while (loop->running > 0 && condition_wait_until(&loop->changed, &loop->lock, &deadline))
		;
	bool all = loop->running == 0;
	lock_release(&loop->lock);
	return all;
}

static void loop_join(struct loop *loop)
{
	while (loop->workers != NULL) {
		struct worker *w = loop->workers;
		loop->workers = w->next;
		pthread_join(w->thread, NULL);
		free(w);
	}
	atomic_store(&loop->counts.threads, 0);
}

int loop_run(struct loop *loop, int64_t drain_ms, const struct loop_hooks *hooks)
{
	int rc = wake_signal_install();
	if (rc < 0)
		return rc;
	loop_appoint(loop);
	loop_await_end(loop, hooks);
	hooks->ending(hooks->self);
	loop_recall_leader(loop);
	loop_dismiss_standby(loop);
	bool all = loop_await_threads(loop, drain_ms);
	if (!all)
		log_warning("shutting down: %u requests still wait after %lld ms; waking them",
			    atomic_load(&loop->counts.waiting), (long long)drain_ms);
	while (!all) {
		hooks->wake(hooks->self);
		all = loop_await_threads(loop, REPEAT_MS);
	}
	loop_join(loop);
	fuse_session_exit(loop->se);
	return loop->rc;
}

const struct request_counts *loop_counts(const struct loop *loop)
{
	return &loop->counts;
}
