#ifndef CACHEFS_PROBLEM_H
#define CACHEFS_PROBLEM_H

#include <stdarg.h>
#include <stddef.h>

/* A problem as a sentence for people: the place, the problem, the remedy. Plain data that the
 * caller owns. */
struct problem {
	char place[512];   /* cachefs.json:4: $.layers[1].options.max_entires; may be empty */
	char message[512]; /* unknown option of type "memory" */
	char hint[256];    /* did you mean "max_entries"?; may be empty */
};

/* Stores a problem if *p has none yet; drops later problems. place and hint may be NULL. Always
 * returns -EINVAL, for: return problem_set(...); */
int problem_set(struct problem *p, const char *place, const char *hint, const char *message, ...)
	__attribute__((format(printf, 4, 5)));

/* All problems of one thing. Made with = {0}, ended with problems_fini(). Keeps the first
 * PROBLEMS_KEPT; only counts later ones. */
enum { PROBLEMS_KEPT = 50 };
struct problems {
	size_t count;         /* of all problems */
	struct problem *list; /* the kept ones: the lesser of count and PROBLEMS_KEPT; malloc'ed */
};

/* As problem_set(), but each call adds one problem. */
int problems_add(struct problems *all, const char *place, const char *hint, const char *message,
		 ...) __attribute__((format(printf, 4, 5)));
void problems_fini(struct problems *all);

/* Returns the i-th line to print, from 0, in the form of problem_text(). The line after the kept
 * problems is "and N more". NULL: there is no i-th line. */
const char *problems_text(const struct problems *all, size_t i, char *buffer, size_t size);

/* Writes "place: message; hint" into buffer, terminated, as one line. Returns buffer. */
const char *problem_text(const struct problem *p, char *buffer, size_t size);

/* Returns the name that is nearest to word among names (which ends with NULL), for "did you mean".
 * NULL: no name is near. */
const char *problem_nearest(const char *word, const char *const names[]);

#endif
