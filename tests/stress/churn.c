/*
 * The churn test: many processes do random operations of all kinds on the same few names, some are
 * killed or interrupted in the middle of one. No call may fail with what a local file system would
 * not say, none may hang, and the tree that is left must be whole. Runs on any directory.
 */

#include "churn.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record.h"

/*
 * A path that leads elsewhere at every try can still end as ESTALE: the kernel tries only twice.
 * With permissions checked by the kernel it comes once in some 200,000 operations, and then the
 * second try has not asked the daemon at all. It must stay rare.
 */
enum { STALE_FREE = 2, OPERATIONS_PER_STALE = 50000 };

enum { PRINTED_MAX = 20, HANG_SECONDS = 60, PAUSE_MS = 4, STRANGER = 65534 };

struct supervisor {
	struct churn churn;
	int process_count;
	uint64_t seed;
	bool kills, until_told;
	pid_t pids[CHURN_PROCESSES_MAX];
	uint64_t killed_ns[CHURN_PROCESSES_MAX]; /* 0: it was not */
	unsigned births, killed, interrupted;
	sigset_t mask; /* of the processes, once they have their handlers */
};

static volatile sig_atomic_t told_to_stop;

static void on_term(int number)
{
	(void)number;
	told_to_stop = 1;
}

static void on_interrupt(int number)
{
	(void)number;
}

void churn_violation(struct churn *c, const char *format, ...)
{
	int op = c->self >= 0 ? atomic_load(&c->shared->slots[c->self].op) : -1;
	char text[600];
	va_list args;

	if (atomic_fetch_add(&c->shared->violations, 1) >= PRINTED_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDERR_FILENO, "churn: %s: %s\n", op < 0 ? "-" : churn_op_names()[op], text);
}

/* --- processes ----------------------------------------------------------------------------- */

static void become_stranger(struct churn *c)
{
	if (c->strangers && c->self % 3 == 2 && (setgid(STRANGER) < 0 || setuid(STRANGER) < 0))
		_exit(1);
}

static void process_run(struct supervisor *s, int self)
{
	struct sigaction interrupt = { .sa_handler = on_interrupt }; /* no SA_RESTART */
	struct churn *c = &s->churn;

	sigaction(SIGINT, &interrupt, NULL);
	signal(SIGTERM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	c->self = self;
	c->random = s->seed * 1000003 + s->births + 1;
	for (int i = 0; i < 8; i++)
		random_next(&c->random);
	for (int i = 0; i < HELD_MAX; i++)
		c->held[i].fd = -1;
	become_stranger(c);
	while (!atomic_load(&c->shared->stop))
		churn_step(c);
	_exit(0);
}

static bool start(struct supervisor *s, int self)
{
	pid_t parent = getpid();

	s->births++;
	s->killed_ns[self] = 0;
	atomic_store(&s->churn.shared->slots[self].op, -1);
	s->pids[self] = fork();
	if (s->pids[self] != 0)
		return s->pids[self] > 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	process_run(s, self);
	_exit(0);
}

/* Whether nobody hangs: neither in a call, nor on the way out after a SIGKILL. */
static bool all_move(struct supervisor *s)
{
	uint64_t limit = HANG_SECONDS * UINT64_C(1000000000), now = now_ns();

	for (int i = 0; i < s->process_count; i++) {
		struct churn_slot *slot = &s->churn.shared->slots[i];
		int op = atomic_load(&slot->op);
		uint64_t since = atomic_load(&slot->started_ns);
		if (s->pids[i] == 0)
			continue;
		if (s->killed_ns[i] && now - s->killed_ns[i] > limit) {
			churn_violation(&s->churn, "process %d does not die", (int)s->pids[i]);
			return false;
		}
		if (!s->killed_ns[i] && op >= 0 && now > since && now - since > limit) {
			churn_violation(&s->churn, "process %d hangs in: %s", (int)s->pids[i],
					churn_op_names()[op]);
			return false;
		}
	}
	return true;
}

/* Returns how many are left; those that were killed are replaced. */
static int reap(struct supervisor *s)
{
	int left = 0, status;

	for (int i = 0; i < s->process_count; i++) {
		if (s->pids[i] == 0)
			continue;
		if (waitpid(s->pids[i], &status, WNOHANG) == 0) {
			left++;
			continue;
		}
		s->pids[i] = 0;
		if (s->killed_ns[i] == 0 && status != 0)
			churn_violation(&s->churn, "a process ended with status 0x%x",
					(unsigned)status);
		if (!atomic_load(&s->churn.shared->stop) && !atomic_load(&s->churn.shared->going))
			left += start(s, i) ? 1 : 0;
	}
	return left;
}

static void disturb(struct supervisor *s)
{
	int i = (int)(random_next(&s->churn.random) % (uint64_t)s->process_count);

	if (!s->kills || s->pids[i] == 0 || s->killed_ns[i] != 0)
		return;
	if (random_next(&s->churn.random) % 4 == 0) {
		kill(s->pids[i], SIGKILL);
		s->killed_ns[i] = now_ns();
		s->killed++;
	} else {
		kill(s->pids[i], SIGINT);
		s->interrupted++;
	}
}

static void supervise(struct supervisor *s, unsigned seconds)
{
	struct churn_shared *shared = s->churn.shared;
	uint64_t end = now_ns() + seconds * UINT64_C(1000000000);

	for (int i = 0; i < s->process_count; i++)
		if (!start(s, i))
			churn_violation(&s->churn, "fork: %s", strerror(errno));
	while (reap(s) > 0 && all_move(s)) {
		if (told_to_stop && !atomic_exchange(&shared->going, true)) {
			puts("churn: told");
			fflush(stdout);
		}
		if (now_ns() > end || (shared->violations > 0 && !s->until_told))
			atomic_store(&shared->stop, true);
		disturb(s);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
	for (int i = 0; i < s->process_count; i++) /* only those that hang are left */
		if (s->pids[i] > 0)
			kill(s->pids[i], SIGKILL);
}

/* --- the report ---------------------------------------------------------------------------- */

static uint64_t operations(const struct churn_shared *shared)
{
	uint64_t sum = 0;

	for (int i = 0; i < CHURN_OPS_MAX; i++)
		sum += shared->done[i];
	return sum;
}

static void judge_stale(struct churn *c)
{
	uint64_t stale = c->shared->stale, all = operations(c->shared);

	if (stale > STALE_FREE + all / OPERATIONS_PER_STALE)
		churn_violation(c, "ESTALE %llu times in %llu operations",
				(unsigned long long)stale, (unsigned long long)all);
}

static void report(const struct supervisor *s, unsigned left)
{
	const struct churn_shared *shared = s->churn.shared;
	const char *const *names = churn_op_names();

	printf("churn: %llu operations, %llu stale, %u killed, %u interrupted, %u names left; done "
	       "(failed):",
	       (unsigned long long)operations(shared), (unsigned long long)shared->stale, s->killed,
	       s->interrupted, left);
	for (int i = 0; names[i]; i++)
		printf(" %s %llu (%llu)", names[i], (unsigned long long)shared->done[i],
		       (unsigned long long)shared->failed[i]);
	printf("\nchurn: violations: %llu\n", (unsigned long long)shared->violations);
}

static void usage(FILE *to)
{
	fputs("usage: churn [-t SECONDS] [-p PROCESSES] [-s SEED] [--no-kills] [--strangers]\n"
	      "             [--rmdir-prefix] [--until-told] DIRECTORY\n"
	      "--until-told: after SIGTERM (\"told\" is printed) every error is fine, and ends the "
	      "process that meets "
	      "it\n",
	      to);
}

static bool open_all(struct supervisor *s, const char *directory)
{
	struct churn *c = &s->churn;

	umask(0);
	c->self = -1;
	c->random = s->seed + 1;
	c->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->buffer = malloc(CHURN_BUFFER);
	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->dir_fd < 0 || !c->buffer || c->shared == MAP_FAILED) {
		fprintf(stderr, "churn: %s: %s\n", directory, strerror(errno));
		return false;
	}
	memset(c->buffer, 'x', CHURN_BUFFER);
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "no-kills", no_argument, NULL, 'k' },
						 { "strangers", no_argument, NULL, 'u' },
						 { "rmdir-prefix", no_argument, NULL, 'r' },
						 { "until-told", no_argument, NULL, 'g' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct supervisor s = { .process_count = 64, .kills = true };
	unsigned seconds = 10, left = 0;
	int option;

	s.seed = now_ns() & 0xffffffff;
	while ((option = getopt_long(argc, argv, "t:p:s:h", options, NULL)) != -1) {
		switch (option) {
		case 't':
			seconds = (unsigned)atoi(optarg);
			break;
		case 'p':
			s.process_count = atoi(optarg);
			break;
		case 's':
			s.seed = strtoull(optarg, NULL, 10);
			break;
		case 'k':
			s.kills = false;
			break;
		case 'u':
			s.churn.strangers = true;
			break;
		case 'r':
			s.churn.rmdir_prefix = true;
			break;
		case 'g':
			s.until_told = true;
			break;
		default:
			usage(option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (optind + 1 != argc || s.process_count < 1 || s.process_count > CHURN_PROCESSES_MAX) {
		usage(stderr);
		return 2;
	}
	if (!open_all(&s, argv[optind]))
		return 2;
	printf("churn: seed %llu, %d processes\n", (unsigned long long)s.seed, s.process_count);
	fflush(stdout);
	signal(SIGTERM, on_term);
	sigset_t interrupt;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &s.mask);
	supervise(&s, seconds);
	if (!told_to_stop)
		left = churn_check_tree(&s.churn, s.churn.dir_fd, ".");
	judge_stale(&s.churn);
	report(&s, left);
	free(s.churn.buffer);
	return s.churn.shared->violations ? 1 : 0;
}
