#ifndef CACHEFS_PROBLEM_H
#define CACHEFS_PROBLEM_H

#include <stdarg.h>
#include <stddef.h>

/* A sentence for people: which thing, where, what to do. Plain data, owned by the caller. */
struct problem {
	char place[512];   /* cachefs.json:4: $.layers[1].options.max_entires; may be empty */
	char message[512]; /* unknown option of type "memory" */
	char hint[256];    /* did you mean "max_entries"?; may be empty */
};

/* Keeps the first problem, drops later ones. place and hint may be NULL. Always -EINVAL, so: return
 * problem_set(...); */
int problem_set(struct problem *p, const char *place, const char *hint, const char *message, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * All problems of one thing: made with = {0}, ended with problems_fini(). The first PROBLEMS_KEPT
 * are kept, later ones only counted.
 */
enum { PROBLEMS_KEPT = 50 };
struct problems {
	size_t count;         /* of all that were found */
	struct problem *list; /* those kept: the lesser of count and PROBLEMS_KEPT; malloc'ed */
};

/* As problem_set(), but each call is one more problem. */
int problems_add(struct problems *all, const char *place, const char *hint, const char *message,
		 ...) __attribute__((format(printf, 4, 5)));
void problems_fini(struct problems *all);

/* The i-th line to print, from 0, in the form of problem_text(); after those kept comes
 * "and N more". NULL: there is none. */
const char *problems_text(const struct problems *all, size_t i, char *buffer, size_t size);

/* "place: message; hint" into buffer, terminated, on one line. Returns buffer. */
const char *problem_text(const struct problem *p, char *buffer, size_t size);

/* The name nearest to word among names (ends with NULL), or NULL if none is near: for "did you
 * mean". */
const char *problem_nearest(const char *word, const char *const names[]);

#endif
