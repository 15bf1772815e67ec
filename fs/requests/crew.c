/*
 * See crew.h. The invariants:
 *  1. If the crew is vacant (leader NULL, not ending), no thread stands by: a thread that becomes
 *     idle checks this first, and the lead is given away and taken under one lock.
 *  2. A thread loses the lead only by its own action: in crew_leave(), or at the end.
 *  3. One signal can be lost just before a thread blocks: crew_dismiss() repeats the signal.
 */
#include "requests/crew.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"

enum {
	SIGNAL_WAKE = SIGUSR2, /* makes a blocked read return EINTR */
	STANDBY_WARM = 8,      /* so many idle threads keep what they have */
	REPEAT_MS = 10,        /* between signals */
	FUTEX_WAIT_S = 60,
	REPLACED_AT_MOST = 3, /* threads that are lost, as a multiple of threads_max */
};

enum order { ORDER_STAND_BY, ORDER_LEAD, ORDER_END };

struct member {
	struct crew *crew;
	struct member *next;     /* in crew.members; fixed once there */
	struct member *below;    /* in crew.standby; guarded by crew.lock */
	pthread_t thread;        /* guarded by crew.lock until `started` */
	bool started;            /* guarded by crew.lock */
	bool leads;              /* its own */
	_Atomic(uint32_t) order; /* enum order, a futex */
	_Atomic(bool) blocks;
};

struct crew {
	struct crew_conf conf;
	int fd; /* an eventfd */
	_Atomic(int64_t) vacant_since_ms;

	struct lock lock;       /* RANK_LOOP; guards what follows */
	pthread_cond_t changed; /* leader or running */
	struct member *leader;  /* NULL: vacant */
	struct member *standby; /* the last to come is the first to go: its cache is warm */
	unsigned standby_count;
	struct member *members;
	unsigned running; /* threads that have not returned, and the one that is being made */
	bool starving;    /* vacant because no thread could be made */
	bool warned;      /* said so in the log */
	bool ending;      /* nobody leads any more */
	int rc;
};

static void crew_check_locked(const struct crew *crew)
{
	assert(lock_is_held(&crew->lock));
	assert((crew->standby == NULL) == (crew->standby_count == 0));
	assert(crew->leader != NULL || crew->ending || crew->standby == NULL);
	assert(crew->leader == NULL || !(crew->ending || crew->starving));
	assert(crew->standby_count + (crew->leader != NULL) <= crew->running);
	assert(crew->running <= crew->conf.threads_max * (1 + REPLACED_AT_MOST));
	(void)crew;
}

struct crew *crew_new(const struct crew_conf *conf)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	if (crew == NULL)
		return NULL;
	crew->conf = *conf;
	if (crew->conf.threads_max < 2)
		crew->conf.threads_max = 2;
	crew->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (crew->fd < 0) {
		free(crew);
		return NULL;
	}
	lock_init(&crew->lock, RANK_LOOP);
	condition_init(&crew->changed);
	return crew;
}

void crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	assert(crew->members == NULL && crew->running == 0);
	pthread_cond_destroy(&crew->changed);
	lock_fini(&crew->lock);
	close(crew->fd);
	free(crew);
}

int crew_fd(const struct crew *crew)
{
	return crew->fd;
}

void crew_notice(struct crew *crew)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t written = write(crew->fd, &one, sizeof(one));
	(void)written; /* EAGAIN: the counter is full, so it is readable */
	errno = saved;
}

/* ---- giving and taking the lead ---- */

static void member_order(struct member *m, enum order order)
{
	atomic_store_explicit(&m->order, order, memory_order_release);
	syscall(SYS_futex, &m->order, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static enum order member_await_order(struct member *m)
{
	static const struct timespec timeout = { .tv_sec = FUTEX_WAIT_S };
	uint32_t order;
	while ((order = atomic_load_explicit(&m->order, memory_order_acquire)) == ORDER_STAND_BY)
		syscall(SYS_futex, &m->order, FUTEX_WAIT_PRIVATE, ORDER_STAND_BY, &timeout, NULL,
			0);
	return (enum order)order;
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	crew->conf.live(crew->conf.self, m);
	lock_take(&crew->lock);
	assert(crew->running > 0 && crew->leader != m);
	crew->running--;
	pthread_cond_broadcast(&crew->changed);
	lock_release(&crew->lock);
	return NULL;
}

/* All signals but ours and those of a fault go to other threads. */
static void member_signals(sigset_t *set)
{
	static const int open_to[] = { SIGNAL_WAKE, SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				       SIGABRT,     SIGTRAP, SIGPROF, SIGSYS };
	sigfillset(set);
	for (size_t i = 0; i < sizeof(open_to) / sizeof(open_to[0]); i++)
		sigdelset(set, open_to[i]);
}

static int member_start(struct member *m, pthread_t *thread)
{
	sigset_t blocked;
	sigset_t before;
	member_signals(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	int error = pthread_create(thread, NULL, member_main, m);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static unsigned threads_allowed(const struct crew *crew)
{
	unsigned lost = crew->conf.lost(crew->conf.self);
	unsigned most = crew->conf.threads_max * REPLACED_AT_MOST;
	return crew->conf.threads_max + (lost < most ? lost : most);
}

static struct member *standby_pop_locked(struct crew *crew)
{
	struct member *m = crew->standby;
	if (m != NULL) {
		crew->standby = m->below;
		crew->standby_count--;
	}
	return m;
}

/* A new thread to lead. It is crew.leader from here on, so nobody takes the lead meanwhile. */
static struct member *leader_reserve_locked(struct crew *crew)
{
	if (crew->running >= threads_allowed(crew))
		return NULL; /* the first thread that is done will lead */
	struct member *m = calloc(1, sizeof(*m));
	if (m == NULL) {
		crew->starving = true;
		return NULL;
	}
	m->crew = crew;
	m->leads = true;
	crew->running++;
	crew->leader = m;
	return m;
}

/* Who is to lead, told without the lock: one that stood by, or a thread to be made. Or none. */
struct choice {
	struct member *idle, *fresh;
};

static struct choice choose_locked(struct crew *crew)
{
	struct choice choice = { NULL, NULL };
	int64_t none = 0;
	if (crew->leader != NULL || crew->ending)
		return choice;
	choice.idle = standby_pop_locked(crew);
	if (choice.idle != NULL) {
		crew->leader = choice.idle;
		crew->starving = false;
	} else if (!crew->starving) {
		choice.fresh = leader_reserve_locked(crew);
	}
	if (crew->leader == NULL)
		atomic_compare_exchange_strong(&crew->vacant_since_ms, &none,
					       time_mono_ms(crew->conf.time));
	if (crew->starving)
		crew_notice(crew);
	crew_check_locked(crew);
	return choice;
}

/* Makes the thread. When it cannot be made: who is to lead instead, of those who came to stand by
 * meanwhile; else the runner tries again. */
static struct choice leader_start(struct crew *crew, struct member *m)
{
	struct choice next = { NULL, NULL };
	pthread_t thread;
	int rc = member_start(m, &thread);
	lock_take(&crew->lock);
	if (rc == 0) {
		m->thread = thread;
		m->started = true;
		m->next = crew->members;
		crew->members = m;
		atomic_fetch_add_explicit(&crew->conf.counts->threads, 1, memory_order_relaxed);
	} else {
		assert(crew->leader == m || crew->ending);
		crew->running--;
		crew->leader = NULL;
		crew->starving = true;
		next = choose_locked(crew);
	}
	bool warn = rc < 0 && !crew->warned;
	crew->warned = crew->warned || warn;
	lock_release(&crew->lock);
	if (warn)
		log_warning("no thread for the next request: %s; trying again, meanwhile requests "
			    "queue",
			    strerror(-rc));
	if (rc < 0)
		free(m);
	return next;
}

static void carry_out(struct crew *crew, struct choice choice)
{
	while (choice.fresh != NULL)
		choice = leader_start(crew, choice.fresh);
	if (choice.idle != NULL)
		member_order(choice.idle, ORDER_LEAD);
}

void crew_appoint(struct crew *crew)
{
	lock_take(&crew->lock);
	struct choice choice = choose_locked(crew);
	lock_release(&crew->lock);
	carry_out(crew, choice);
}

void crew_leave(void *member)
{
	struct member *m = member;
	struct crew *crew = m->crew;
	if (!m->leads)
		return;
	m->leads = false;
	atomic_fetch_add_explicit(&crew->conf.counts->waiting, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&crew->conf.counts->handovers, 1, memory_order_relaxed);
	lock_take(&crew->lock);
	assert(crew->leader == m || crew->ending);
	crew->leader = NULL;
	struct choice choice = choose_locked(crew);
	lock_release(&crew->lock);
	carry_out(crew, choice);
}

bool crew_goes_on(struct member *m, void (*rest)(void *self), void *self)
{
	struct crew *crew = m->crew;
	unsigned idle = 0;
	if (m->leads)
		return true;
	unsigned waiting = atomic_fetch_sub_explicit(&crew->conf.counts->waiting, 1,
						     memory_order_relaxed);
	assert(waiting > 0);
	(void)waiting;
	atomic_store_explicit(&m->order, ORDER_STAND_BY, memory_order_relaxed);

	lock_take(&crew->lock);
	bool ending = crew->ending;
	if (!ending && crew->leader == NULL) {
		crew->leader = m;
		crew->starving = false;
		m->leads = true;
	} else if (!ending) {
		m->below = crew->standby;
		crew->standby = m;
		idle = ++crew->standby_count;
	}
	crew_check_locked(crew);
	lock_release(&crew->lock);

	if (ending || m->leads)
		return !ending;
	if (idle > STANDBY_WARM)
		rest(self);
	m->leads = member_await_order(m) == ORDER_LEAD;
	return m->leads;
}

void crew_blocks(struct member *m, bool blocks)
{
	atomic_store_explicit(&m->blocks, blocks, memory_order_relaxed);
}

int64_t crew_vacant_since_ms(const struct crew *crew)
{
	return atomic_load(&crew->vacant_since_ms);
}

void crew_was_vacant(struct crew *crew)
{
	atomic_store(&crew->vacant_since_ms, 0);
}

/* ---- the runner ---- */

static void on_wake_signal(int number)
{
	(void)number;
}

int crew_start(struct crew *crew)
{
	/* Without SA_RESTART, and left installed: another crew of this process may need it. */
	struct sigaction action = { .sa_handler = on_wake_signal };
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGNAL_WAKE, &action, NULL) < 0)
		return -errno;
	crew_appoint(crew);
	return 0;
}

enum crew_state crew_state(struct crew *crew)
{
	lock_take(&crew->lock);
	enum crew_state state = crew->ending     ? CREW_ENDS
				: crew->starving ? CREW_STARVES
						 : CREW_WORKS;
	lock_release(&crew->lock);
	return state;
}

void crew_retry(struct crew *crew)
{
	lock_take(&crew->lock);
	crew->starving = false;
	lock_release(&crew->lock);
	crew_appoint(crew);
}

/* ---- the end ---- */

static void end_locked(struct crew *crew, int rc)
{
	if (!crew->ending)
		crew->rc = rc;
	crew->ending = true;
	crew->leader = NULL;
	crew_check_locked(crew);
	pthread_cond_broadcast(&crew->changed);
}

void crew_end(struct member *m, int rc)
{
	struct crew *crew = m->crew;
	assert(m->leads && rc <= 0);
	lock_take(&crew->lock);
	assert(crew->leader == m || crew->ending);
	end_locked(crew, rc);
	lock_release(&crew->lock);
	crew_notice(crew);
}

/* The leader may be on its way into the read when the signal comes: repeat it. */
static void recall_leader_locked(struct crew *crew)
{
	while (!crew->ending) {
		struct member *m = crew->leader;
		struct deadline again = deadline_in(crew->conf.time, REPEAT_MS);
		if (m == NULL) {
			end_locked(crew, 0);
			break;
		}
		if (m->started && atomic_load_explicit(&m->blocks, memory_order_relaxed))
			pthread_kill(m->thread, SIGNAL_WAKE);
		condition_wait_until(&crew->changed, &crew->lock, &again);
	}
}

void crew_dismiss(struct crew *crew)
{
	lock_take(&crew->lock);
	recall_leader_locked(crew);
	struct member *m = crew->standby;
	crew->standby = NULL;
	crew->standby_count = 0;
	lock_release(&crew->lock);
	while (m != NULL) {
		struct member *below = m->below;
		member_order(m, ORDER_END);
		m = below;
	}
}

bool crew_await(struct crew *crew, int64_t wait_ms)
{
	struct deadline deadline = deadline_in(crew->conf.time, wait_ms);
	lock_take(&crew->lock);
	while (crew->running > 0 && condition_wait_until(&crew->changed, &crew->lock, &deadline))
		;
	bool all = crew->running == 0;
	lock_release(&crew->lock);
	return all;
}

int crew_join(struct crew *crew)
{
	assert(crew->running == 0 && crew->ending);
	while (crew->members != NULL) {
		struct member *m = crew->members;
		crew->members = m->next;
		pthread_join(m->thread, NULL);
		free(m);
	}
	atomic_store(&crew->conf.counts->threads, 0);
	return crew->rc;
}
