#ifndef CACHEFS_PROBLEM_H
#define CACHEFS_PROBLEM_H

#include <stddef.h>

/* A sentence for people: which thing, where, what to do. Plain data, owned by the caller. */
struct problem {
	char place[256];   /* cachefs.json:4: $.layers[1].options.max_entires; may be empty */
	char message[512]; /* unknown option of type "memory" */
	char hint[256];    /* did you mean "max_entries"?; may be empty */
};

/* Keeps the first problem, drops later ones. place and hint may be NULL. Always -EINVAL, so: return
 * problem_set(...); */
int problem_set(struct problem *p, const char *place, const char *hint, const char *message, ...)
	__attribute__((format(printf, 4, 5)));

/* "place: message; hint" into buffer, terminated. Returns buffer. */
const char *problem_text(const struct problem *p, char *buffer, size_t size);

/* The name nearest to word among names (ends with NULL), or NULL if none is near: for "did you
 * mean". */
const char *problem_nearest(const char *word, const char *const names[]);

#endif
