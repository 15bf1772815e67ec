#ifndef CACHEFS_CHURN_H
#define CACHEFS_CHURN_H

/*
 * One run of the churn test. churn_ops.c does one random operation at a time in a small name space
 * and judges its errno; churn.c starts the processes, kills some of them in the middle of it, and
 * sees whether anybody hangs; churn_tree.c looks at the tree that is left.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CHURN_PROCESSES_MAX = 256, CHURN_OPS_MAX = 40, HELD_MAX = 3, CHURN_BUFFER = 128 * 1024 };

/* A process as everybody sees it. */
struct churn_slot {
	_Atomic int op;              /* what it does now; -1: nothing */
	_Atomic uint64_t started_ns; /* since when */
};

struct churn_shared {
	_Atomic bool stop;
	_Atomic bool going; /* the mount is being ended: every errno is fine, and ends a process */
	_Atomic uint64_t done[CHURN_OPS_MAX], failed[CHURN_OPS_MAX], violations;
	_Atomic uint64_t stale; /* calls that failed with ESTALE */
	struct churn_slot slots[CHURN_PROCESSES_MAX];
};

/* A file that a process keeps open while it does other things. */
struct held {
	int fd; /* -1: none */
	int flags;
};

struct churn {
	struct churn_shared *shared;
	int dir_fd;
	bool strangers;    /* some processes are other users: permissions are refused to them */
	bool rmdir_prefix; /* rmdir removes what is below: never ENOTEMPTY */
	/* this process: */
	int self;
	uint64_t random;
	char *buffer; /* CHURN_BUFFER bytes */
	struct held held[HELD_MAX];
	char what[300]; /* the operation with its paths, for messages */
};

/* Names of the operations; ends with NULL. */
extern const char *const *churn_op_names(void);

/* Does one operation; a wrong outcome is a violation. */
void churn_step(struct churn *c);

/* Whether everything below a directory is there, is what the listing says and can be read to its
 * end; what is not and stays so is a violation. Returns how many names there are. */
unsigned churn_check_tree(struct churn *c, int dir_fd, const char *name);

/* Counts it; the first few of a run are printed. */
void churn_violation(struct churn *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
